from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from socketio._core.registry import Registry

NAMESPACES = ["/", "/chat"]
ROOMS = ["red", "green", "blue"]


def registry_with(**clients: str) -> Registry:
    """Return a registry with these clients of ``/``: sid to ``pending`` or ``connected``."""
    registry = Registry()
    for sid, state in clients.items():
        registry.pre_connect(sid, f"eio-{sid}", "/")
        if state == "connected":
            registry.connect(sid, "/")
    return registry


def snapshot(registry: Registry) -> dict[str, Any]:
    return {key: value for key, value in vars(registry).items() if value}


# clients


@pytest.mark.parametrize(
    ("state", "is_pending", "is_connected", "eio_sid"),
    [
        ("unknown", False, False, None),
        ("pending", True, False, "eio-a"),
        ("connected", False, True, "eio-a"),
        ("leaving", False, False, "eio-a"),
        ("leaving while pending", True, False, "eio-a"),
        ("gone", False, False, None),
    ],
)
def test_the_states_of_a_client(
    state: str, is_pending: bool, is_connected: bool, eio_sid: str | None
) -> None:
    registry = Registry()
    if state != "unknown":
        assert registry.pre_connect("a", "eio-a", "/")
    if state in ("connected", "leaving", "gone"):
        assert registry.connect("a", "/")
    if "leaving" in state or state == "gone":
        assert registry.pre_disconnect("a", "/") == "eio-a"
    if state == "gone":
        registry.disconnect("a", "/")

    assert registry.is_pending("a", "/") is is_pending
    assert registry.is_connected("a", "/") is is_connected
    assert registry.eio_sid("a", "/") == eio_sid
    assert registry.is_sid("a", "/") is (eio_sid is not None)
    assert registry.sid("eio-a", "/") == ("a" if eio_sid else None)
    assert registry.rooms_of("a", "/") == (["a"] if eio_sid else [])
    assert registry.namespaces() == (["/"] if eio_sid else [])


def test_a_connection_is_in_a_namespace_once() -> None:
    registry = registry_with(a="connected")

    assert not registry.pre_connect("b", "eio-a", "/")
    assert registry.pre_connect("b", "eio-a", "/chat")

    assert registry.eio_to_sid == {"eio-a": {"/": "a", "/chat": "b"}}
    assert not registry.is_sid("b", "/")


@pytest.mark.parametrize("state", ["unknown", "connected"])
def test_only_a_pending_client_can_be_connected(state: str) -> None:
    registry = registry_with(**({} if state == "unknown" else {"a": state}))
    before = snapshot(registry)

    assert not registry.connect("a", "/")

    assert snapshot(registry) == before


def test_unknown_clients_are_passed_over() -> None:
    registry = registry_with(a="connected")
    before = snapshot(registry)

    assert registry.pre_disconnect("x", "/") is None
    assert registry.pre_disconnect("a", "/chat") is None
    registry.disconnect("x", "/")
    registry.disconnect("a", "/chat")
    registry.leave("x", "/", "red")
    registry.leave("a", "/chat", "red")
    registry.leave("a", "/", "red")
    registry.close_room("red", "/")
    registry.close_room("red", "/chat")

    assert snapshot(registry) == before


@pytest.mark.parametrize("state", ["pending", "connected"])
def test_nothing_is_left_of_a_client_that_is_gone(state: str) -> None:
    registry = registry_with(a=state)
    registry.enter("a", "/", "red")
    registry.pre_disconnect("a", "/")

    registry.disconnect("a", "/")

    assert snapshot(registry) == {}


def test_a_namespace_stays_for_a_pending_client_without_rooms() -> None:
    registry = registry_with(a="connected", b="pending")
    registry.leave("b", "/", "b")

    registry.disconnect("a", "/")

    assert registry.namespaces() == ["/"]
    assert registry.connect("b", "/")
    assert registry.members("/", None) == {"b": "eio-b"}


# rooms


def test_the_public_shape_of_the_rooms() -> None:
    registry = registry_with(a="connected", b="connected")
    registry.enter("b", "/", "red")

    assert registry.rooms == {
        "/": {
            None: {"a": "eio-a", "b": "eio-b"},
            "a": {"a": "eio-a"},
            "b": {"b": "eio-b"},
            "red": {"b": "eio-b"},
        }
    }


def test_a_pending_client_is_reached_by_its_sid_only() -> None:
    registry = registry_with(a="pending")
    registry.enter("a", "/", "red")

    assert registry.members("/", "a") == {"a": "eio-a"}
    assert registry.members("/", None) == {}
    assert registry.members("/", "red") == {}
    assert registry.rooms_of("a", "/") == ["a", "red"]

    registry.connect("a", "/")

    assert registry.members("/", None) == {"a": "eio-a"}
    assert registry.members("/", "red") == {"a": "eio-a"}


@pytest.mark.parametrize("leave", ["leave", "close_room"])
def test_a_pending_client_can_be_taken_out_of_a_room(leave: str) -> None:
    registry = registry_with(a="pending", b="connected")
    registry.enter("a", "/", "red")
    registry.enter("b", "/", "red")

    if leave == "leave":
        registry.leave("a", "/", "red")
    else:
        registry.close_room("red", "/")
    registry.connect("a", "/")

    assert registry.rooms_of("a", "/") == ["a"]
    assert registry.members("/", "red") == ({"b": "eio-b"} if leave == "leave" else {})


def test_a_leaving_client_is_in_its_rooms_until_it_is_gone() -> None:
    registry = registry_with(a="connected")
    registry.enter("a", "/", "red")

    registry.pre_disconnect("a", "/")

    assert registry.rooms_of("a", "/") == ["a", "red"]
    assert registry.members("/", "red") == {"a": "eio-a"}


def test_an_unknown_client_enters_nothing() -> None:
    registry = registry_with(a="connected")
    before = snapshot(registry)

    with pytest.raises(KeyError):
        registry.enter("x", "/", "red")
    with pytest.raises(KeyError):
        registry.enter("a", "/chat", "red")

    assert snapshot(registry) == before


def test_nobody_leaves_the_room_of_everybody() -> None:
    registry = registry_with(a="connected")
    before = snapshot(registry)

    registry.enter("a", "/", None)
    registry.leave("a", "/", None)
    registry.close_room(None, "/")

    assert snapshot(registry) == before


@pytest.mark.parametrize("state", ["pending", "connected"])
def test_a_client_can_leave_its_own_room_and_come_back(state: str) -> None:
    registry = registry_with(a=state)

    registry.leave("a", "/", "a")
    assert registry.members("/", "a") == {}
    assert registry.rooms_of("a", "/") == []
    registry.enter("a", "/", "a")

    assert registry.members("/", "a") == {"a": "eio-a"}
    assert registry.rooms_of("a", "/") == ["a"]


@pytest.mark.parametrize(
    ("room", "sids"),
    [
        (None, ["a", "b"]),
        ("a", ["a"]),
        ("red", ["a", "b"]),
        ("green", ["b"]),
        ("unknown", []),
        ("", []),
        ([], []),
        (["red"], ["a", "b"]),
        (["red", "green"], ["a", "b"]),
        (("a", "green"), ["a", "b"]),
        ({"green", "unknown"}, ["b"]),
        (frozenset(("a",)), ["a"]),
    ],
)
def test_the_members_of_a_room_of_several_and_of_all(room: Any, sids: list[str]) -> None:
    registry = registry_with(a="connected", b="connected")
    for sid, name in [("a", "red"), ("b", "red"), ("b", "green")]:
        registry.enter(sid, "/", name)

    assert sorted(registry.members("/", room)) == sids
    assert registry.members("/chat", room) == {}


def test_one_room_is_not_copied() -> None:
    registry = registry_with(a="connected")
    registry.enter("a", "/", "red")

    assert registry.members("/", None) is registry.rooms["/"][None]
    assert registry.members("/", "red") is registry.rooms["/"]["red"]


@pytest.mark.parametrize("others", [0, 50])
def test_a_disconnect_looks_at_the_rooms_of_that_client_only(others: int) -> None:
    looked_at: list[str | None] = []

    class CountingRooms(dict[str | None, dict[str, str]]):
        def get(self, key: Any, default: Any = None) -> Any:
            looked_at.append(key)
            return super().get(key, default)

    registry = registry_with(a="connected", **{f"x{n}": "connected" for n in range(others)})
    registry.enter("a", "/", "red")
    registry.rooms["/"] = CountingRooms(registry.rooms["/"])

    registry.disconnect("a", "/")

    assert sorted(set(looked_at), key=str) == [None, "a", "red"]


# against a naive model


class Model(RuleBasedStateMachine):
    """The registry against one flat table of clients that is scanned for every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.clients: dict[tuple[str, str], dict[str, Any]] = {}
        self.count = 0

    def some_client(self, data: st.DataObject) -> tuple[str, str]:
        return data.draw(st.sampled_from(sorted(self.clients)))

    @rule(eio_sid=st.sampled_from(["e1", "e2", "e3", "e4"]), namespace=st.sampled_from(NAMESPACES))
    def pre_connect(self, eio_sid: str, namespace: str) -> None:
        taken = any(
            client["eio_sid"] == eio_sid and key[0] == namespace
            for key, client in self.clients.items()
        )
        self.count += 1
        sid = f"s{self.count}"

        assert self.registry.pre_connect(sid, eio_sid, namespace) is not taken
        if not taken:
            self.clients[namespace, sid] = {
                "eio_sid": eio_sid,
                "pending": True,
                "leaving": False,
                "rooms": {sid: None},
            }

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def connect(self, data: st.DataObject) -> None:
        namespace, sid = self.some_client(data)
        client = self.clients[namespace, sid]

        assert self.registry.connect(sid, namespace) is client["pending"]
        client["pending"] = False

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def pre_disconnect(self, data: st.DataObject) -> None:
        namespace, sid = self.some_client(data)

        assert self.registry.pre_disconnect(sid, namespace)
        self.clients[namespace, sid]["leaving"] = True

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        namespace, sid = self.some_client(data)

        self.registry.disconnect(sid, namespace)
        del self.clients[namespace, sid]

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), room=st.sampled_from([*ROOMS, "own"]))
    def enter(self, data: st.DataObject, room: str) -> None:
        namespace, sid = self.some_client(data)
        room = sid if room == "own" else room

        self.registry.enter(sid, namespace, room)
        self.clients[namespace, sid]["rooms"][room] = None

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), room=st.sampled_from([*ROOMS, "own"]))
    def leave(self, data: st.DataObject, room: str) -> None:
        namespace, sid = self.some_client(data)
        room = sid if room == "own" else room

        self.registry.leave(sid, namespace, room)
        self.clients[namespace, sid]["rooms"].pop(room, None)

    @rule(namespace=st.sampled_from(NAMESPACES), room=st.sampled_from(ROOMS))
    def close_room(self, namespace: str, room: str) -> None:
        self.registry.close_room(room, namespace)
        for key, client in self.clients.items():
            if key[0] == namespace:
                client["rooms"].pop(room, None)

    @invariant()
    def rooms_are_what_the_clients_are_in(self) -> None:
        rooms: dict[str, dict[str | None, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        for (namespace, sid), client in self.clients.items():
            own = {sid} if client["pending"] else {None, sid, *ROOMS}
            rooms[namespace].update({})
            for room in (None, *client["rooms"]):
                if room in own:
                    rooms[namespace][room][sid] = client["eio_sid"]

        assert self.registry.rooms == rooms

    @invariant()
    def each_client_is_where_it_thinks_it_is(self) -> None:
        for (namespace, sid), client in self.clients.items():
            registry = self.registry
            assert registry.sid(client["eio_sid"], namespace) == sid
            assert registry.eio_sid(sid, namespace) == client["eio_sid"]
            assert registry.is_pending(sid, namespace) is client["pending"]
            connected = not client["pending"] and not client["leaving"]
            assert registry.is_connected(sid, namespace) is connected
            assert set(registry.rooms_of(sid, namespace)) == set(client["rooms"])

    @invariant()
    def nothing_is_left_of_others(self) -> None:
        if not self.clients:
            assert snapshot(self.registry) == {}
        pending = {key for key, client in self.clients.items() if client["pending"]}
        leaving = {key for key, client in self.clients.items() if client["leaving"]}
        assert keys(self.registry.pending_connect) == pending
        assert keys(self.registry.pending_disconnect) == leaving


def keys(table: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    return {(namespace, sid) for namespace, sids in table.items() for sid in sids}


TestAgainstAModel = Model.TestCase
TestAgainstAModel.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
