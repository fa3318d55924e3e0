from __future__ import annotations

import asyncio
import itertools
import json
import logging
from typing import Any

import pytest

from socketio._core.acks import AckTable
from socketio._values import PendingCall
from socketio.base_manager import BaseManager
from socketio.packet import Packet


class FakeServer:
    """What a manager uses of its server."""

    def __init__(self) -> None:
        self.eio = self
        self.packet_class = Packet
        self.logger = logging.getLogger("socketio.server")
        self._numbers = itertools.count(1)

    def generate_id(self) -> str:
        return f"s{next(self._numbers)}"


@pytest.fixture
def manager() -> BaseManager:
    """A manager with two clients of ``/``: ``s1`` is connected, ``s2`` is pending."""
    manager = BaseManager()
    manager.set_server(FakeServer())
    for eio_sid in ("e1", "e2"):
        manager.basic_pre_connect(eio_sid, "/")
    manager.basic_connect("s1", "/")
    return manager


def test_a_new_manager_is_empty() -> None:
    manager = BaseManager()

    assert manager.rooms == manager.callbacks == manager.eio_to_sid == {}
    assert manager.pending_connect == manager.pending_disconnect == {}
    assert (manager.server, manager.logger, manager.json) == (None, None, None)


def test_a_manager_uses_the_json_of_its_server(manager: BaseManager) -> None:
    assert manager.json is Packet.json


def test_initialize_can_be_called_again(manager: BaseManager) -> None:
    manager.initialize()
    manager.initialize()

    assert manager.get_namespaces() == ["/"]


def test_the_states_of_clients_under_their_public_names(manager: BaseManager) -> None:
    assert [manager.is_connected(sid, "/") for sid in ("s1", "s2", "s3", None)] == [
        True,
        False,
        False,
        False,
    ]
    assert [manager.is_pre_connected(sid, "/") for sid in ("s1", "s2", "s3")] == [
        False,
        True,
        False,
    ]
    assert manager.pre_disconnect("s1", "/") == "e1"
    assert manager.pre_disconnect("s3", "/") is None
    assert not manager.is_connected("s1", "/")
    assert "s1" in manager.pending_disconnect["/"]
    assert "s2" in manager.pending_connect["/"]


def test_sids_are_found_both_ways(manager: BaseManager) -> None:
    assert manager.sid_from_eio_sid("e1", "/") == "s1"
    assert manager.sid_from_eio_sid("e1", "/chat") is None
    assert manager.eio_sid_from_sid("s2", "/") == "e2"
    assert manager.eio_sid_from_sid("s2", "/chat") is None
    assert manager.eio_to_sid["e1"] == {"/": "s1"}


def test_a_connection_gets_one_sid_for_each_namespace(manager: BaseManager) -> None:
    assert manager.basic_pre_connect("e1", "/") is None
    assert manager.basic_pre_connect("e1", "/chat") is not None


def test_the_rooms_of_a_client(manager: BaseManager) -> None:
    manager.basic_enter_room("s1", "/", "room")
    assert manager.get_rooms("s1", "/") == ["s1", "room"]
    assert manager.rooms["/"]["room"] == {"s1": "e1"}

    manager.basic_leave_room("s1", "/", "room")

    assert manager.get_rooms("s1", "/") == ["s1"]
    assert manager.get_rooms("unknown", "/") == manager.get_rooms("s1", "/chat") == []


@pytest.mark.parametrize(
    ("sid", "namespace", "room", "error"),
    [
        ("s1", "/chat", "room", ValueError),
        ("s1", "/", "s2", ValueError),
        ("unknown", "/", "room", KeyError),
    ],
)
def test_rooms_that_cannot_be_entered(
    manager: BaseManager, sid: str, namespace: str, room: str, error: type[Exception]
) -> None:
    before = {name: list(members) for name, members in manager.rooms["/"].items()}

    with pytest.raises(error):
        manager.basic_enter_room(sid, namespace, room)

    assert {name: list(members) for name, members in manager.rooms["/"].items()} == before


@pytest.mark.parametrize("room", [None, "x1", "room"])
def test_entering_with_a_connection_connects_an_unknown_client(
    manager: BaseManager, room: str | None
) -> None:
    manager.basic_enter_room("x1", "/new", room, eio_sid="ex")

    assert manager.is_connected("x1", "/new")
    assert dict(manager.get_participants("/new", room)) == {"x1": "ex"}


def test_entering_with_a_connection_leaves_a_known_client_as_it_is(manager: BaseManager) -> None:
    manager.basic_enter_room("s2", "/", "room", eio_sid="other")

    assert manager.is_pre_connected("s2", "/")
    assert manager.eio_sid_from_sid("s2", "/") == "e2"


def test_the_room_of_a_sid_cannot_be_closed(manager: BaseManager) -> None:
    manager.basic_enter_room("s1", "/", "room")
    manager.basic_close_room("room", "/")
    manager.basic_close_room("unknown", "/")

    with pytest.raises(ValueError, match="sid"):
        manager.basic_close_room("s1", "/")

    assert manager.get_rooms("s1", "/") == ["s1"]
    assert manager.is_sid_room("/", "s1")
    assert not manager.is_sid_room("/", "room")


def test_participants_may_leave_while_they_are_visited(manager: BaseManager) -> None:
    manager.basic_connect("s2", "/")

    for sid, _ in manager.get_participants("/", None):
        manager.basic_disconnect(sid, "/")

    assert manager.get_namespaces() == []


@pytest.mark.parametrize(
    ("room", "waiting"),
    [
        (None, ["s2"]),
        ("room", ["s2"]),
        ("other", []),
        (["room", "other"], ["s2"]),
        ({"other"}, []),
        ("s2", []),
        (["s2", "room"], []),
        ([], []),
    ],
)
def test_pending_clients_wait_for_what_is_sent_to_their_rooms(
    manager: BaseManager, room: Any, waiting: list[str]
) -> None:
    manager.basic_enter_room("s2", "/", "room")

    assert list(manager.waiting_members("/", room)) == waiting
    assert manager.waiting_members("/chat", room) == {}
    assert ("s2" in manager.members("/", room)) is (room in ("s2", ["s2", "room"]))


def test_callbacks_are_forgotten_with_their_client(manager: BaseManager) -> None:
    id = manager._generate_ack_id("s1", print)
    assert manager.callbacks == {"s1": {id: print}}

    manager.basic_disconnect("s1", "/")

    assert manager.callbacks == {}


def test_a_disconnect_wakes_who_waits_for_an_answer(manager: BaseManager) -> None:
    done = asyncio.Event()
    manager._generate_ack_id("s1", print)
    manager._generate_ack_id("s1", PendingCall(done))

    manager.basic_disconnect("s1", "/")

    assert done.is_set()


def test_callbacks_that_are_given_up_are_logged_once(
    manager: BaseManager, caplog: pytest.LogCaptureFixture
) -> None:
    manager._acks = AckTable(max_pending=1)
    with caplog.at_level(logging.WARNING, "socketio.server"):
        for _ in range(3):
            manager._generate_ack_id("s1", print)

    (record,) = caplog.records
    assert record.getMessage().startswith("Too many acknowledgements are waited for from s1")
    assert manager.callbacks == {"s1": {3: print}}


def test_a_callback_that_is_not_waited_for_is_forgotten(manager: BaseManager) -> None:
    manager._generate_ack_id("s1", print)
    manager._generate_ack_id("s1", len)

    manager.forget_callback("s1", print)

    assert list(manager.callbacks["s1"].values()) == [len]


def test_who_logs() -> None:
    manager = BaseManager()
    assert manager._get_logger() is logging.getLogger("socketio")
    manager.set_server(FakeServer())
    assert manager._get_logger() is logging.getLogger("socketio.server")
    manager.logger = logging.getLogger("own")

    assert manager._get_logger() is logging.getLogger("own")


def test_the_tables_can_be_shown_as_json(manager: BaseManager) -> None:
    assert json.loads(json.dumps(manager.pending_connect)) == {"/": {"s2": "e2"}}
