from __future__ import annotations

import logging
from typing import Any

import pytest
from manager_support import Member

import socketio
from socketio.packet import EVENT


@pytest.fixture
async def sio() -> socketio.AsyncServer:
    return socketio.AsyncServer(async_mode="asgi", namespaces="*")


@pytest.fixture
def manager(sio: socketio.AsyncServer) -> socketio.AsyncManager:
    manager: socketio.AsyncManager = sio.manager
    return manager


async def members_of(sio: socketio.AsyncServer, count: int) -> dict[str, Member]:
    members = [Member(sio) for _ in range(count)]
    return {await member.join(): member for member in members}


def ignore(*args: Any) -> None: ...


# clients


async def test_a_client_is_pending_then_connected_then_gone(manager: socketio.AsyncManager) -> None:
    sid = await manager.pre_connect("eio", "/")
    assert sid is not None
    assert manager.is_pre_connected(sid, "/")

    assert await manager.connect(sid, "/") == sid
    assert manager.is_connected(sid, "/")
    assert await manager.can_disconnect(sid, "/")
    await manager.disconnect(sid, "/", ignore_queue=True)

    assert not await manager.can_disconnect(sid, "/")
    assert manager.get_namespaces() == []


async def test_a_connection_can_be_connected_in_one_step(manager: socketio.AsyncManager) -> None:
    sid = await manager.connect("eio", "/")

    assert manager.sid_from_eio_sid("eio", "/") == sid
    assert manager.is_connected(sid, "/")


async def test_a_connection_is_in_a_namespace_once(manager: socketio.AsyncManager) -> None:
    await manager.connect("eio", "/")

    assert await manager.connect("eio", "/") is None
    assert await manager.pre_connect("eio", "/") is None
    assert await manager.connect("eio", "/chat") is not None


async def test_a_recipient_can_be_reached_while_somebody_is_in_its_room(
    manager: socketio.AsyncManager,
) -> None:
    sid = await manager.connect("eio", "/")
    assert sid is not None
    await manager.enter_room(sid, "/", "red")

    reachable = [name for name in (sid, "red", "unknown") if manager.can_reach(name, "/")]

    assert reachable == [sid, "red"]
    assert not manager.can_reach(sid, "/unknown")


# rooms


async def test_rooms_are_entered_left_and_closed(manager: socketio.AsyncManager) -> None:
    sid = await manager.connect("eio", "/")
    assert sid is not None

    for room in ("red", "green", "blue"):
        await manager.enter_room(sid, "/", room)
    await manager.leave_room(sid, "/", "red")
    await manager.close_room("green", "/")

    assert manager.get_rooms(sid, "/") == [sid, "blue"]


# emit


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        (None, b'42["a"]'),
        ((), b'42["a"]'),
        ((None,), b'42["a",null]'),
        ("x", b'42["a","x"]'),
        (0, b'42["a",0]'),
        ((1, 2), b'42["a",1,2]'),
        ([1, 2], b'42["a",[1,2]]'),
        ({}, b'42["a",{}]'),
    ],
)
async def test_data_becomes_the_arguments_of_an_event(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager, data: Any, packet: bytes
) -> None:
    member = Member(sio)
    await member.join()

    await manager.emit("a", data, "/")

    assert member.received() == [packet]


@pytest.mark.parametrize(
    ("room", "to", "skip_sid", "expected"),
    [
        (None, None, None, [0, 1, 2]),
        ("red", None, None, [0, 1]),
        (None, "red", None, [0, 1]),
        ("green", "red", None, [0, 1]),
        (["red", "green"], None, None, [0, 1, 2]),
        ({"red", "unknown"}, None, None, [0, 1]),
        ("{2}", None, None, [2]),
        (["green", "{0}"], None, None, [0, 1, 2]),
        ("unknown", None, None, []),
        ("", None, None, []),
        ([], None, None, []),
        ("red", [], None, []),
        (None, None, "{0}", [1, 2]),
        (None, None, ["{0}", "{1}"], [2]),
        (None, None, ("{0}", "unknown"), [1, 2]),
        (None, None, {"{0}", "{1}", "{2}"}, []),
        ("red", None, "{2}", [0, 1]),
        ("{0}", None, "{0}", []),
    ],
)
async def test_each_recipient_gets_an_event_once(
    sio: socketio.AsyncServer,
    manager: socketio.AsyncManager,
    room: Any,
    to: Any,
    skip_sid: Any,
    expected: list[int],
) -> None:
    members = await members_of(sio, 3)
    sids = list(members)
    for room_name, numbers in (("red", (0, 1)), ("green", (1, 2))):
        for number in numbers:
            await manager.enter_room(sids[number], "/", room_name)

    def named(names: Any) -> Any:
        if isinstance(names, str):
            return names.format(*sids)
        return None if names is None else type(names)(name.format(*sids) for name in names)

    await manager.emit("a", None, "/", room=named(room), to=named(to), skip_sid=named(skip_sid))

    got = [member.received() for member in members.values()]
    assert got == [[b'42["a"]'] if number in expected else [] for number in range(3)]


async def test_an_event_stays_in_its_namespace(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    here, there = Member(sio), Member(sio)
    await here.join("/chat")
    await there.join("/")

    await manager.emit("a", b"x", "/chat")
    await manager.emit("a", b"x", "/unknown")

    assert here.received() == [b'451-/chat,["a",{"_placeholder":true,"num":0}]', b"beA=="]
    assert there.received() == []


async def test_what_nobody_gets_is_not_encoded(manager: socketio.AsyncManager) -> None:
    await manager.emit("a", object(), "/")

    assert manager.callbacks == {}


async def test_what_cannot_be_encoded_is_a_type_error(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    member = Member(sio)
    await member.join()

    with pytest.raises(TypeError):
        await manager.emit("a", object(), "/")

    assert member.received() == []


async def test_the_callback_of_what_cannot_be_encoded_is_forgotten(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    joined, pending = Member(sio), Member(sio)
    sids = await joined.join(), await manager.pre_connect(pending.eio_sid, "/")

    for sid in sids:
        with pytest.raises(TypeError):
            await manager.emit("a", object(), "/", room=sid, callback=ignore)

    with pytest.raises(TypeError):
        await manager.emit("a", object(), "/", callback=ignore)

    assert [id for waiting in manager.callbacks.values() for id in waiting] == []
    assert joined.received() == pending.received() == pending.held() == []


async def test_a_pending_client_gets_what_is_sent_to_all_later_and_what_is_sent_to_it_at_once(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    member = Member(sio)
    sid = await manager.pre_connect(member.eio_sid, "/")
    assert sid is not None

    await manager.emit("all", None, "/")
    await manager.emit("skipped", None, "/", skip_sid=sid)
    await manager.emit("it", None, "/", room=sid)
    await manager.emit("ask", None, "/", callback=ignore)

    assert member.received() == [b'42["it"]']
    assert member.held() == [b'42["all"]', b'421["ask"]']
    assert manager.callbacks == {sid: {1: ignore}}


# acknowledgements


async def test_each_recipient_is_asked_with_an_id_of_its_own(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    members = await members_of(sio, 2)
    first, second = members
    answers: list[Any] = []

    await manager.emit("a", None, "/", room=first, callback=ignore)
    await manager.emit("b", None, "/", callback=lambda *args: answers.append(args))
    await manager.trigger_callback(first, 2, ["one"])
    await manager.trigger_callback(second, 1, [])

    assert members[first].received() == [b'421["a"]', b'422["b"]']
    assert members[second].received() == [b'421["b"]']
    assert answers == [("one",), ()]
    assert manager.callbacks[first] == {1: ignore}


async def test_a_callback_may_be_a_coroutine_function(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    (sid,) = await members_of(sio, 1)
    answers: list[Any] = []

    async def answered(*args: Any) -> None:
        answers.append(args)

    await manager.emit("a", None, "/", callback=answered)
    await manager.trigger_callback(sid, 1, (1, 2))

    assert answers == [(1, 2)]


@pytest.mark.parametrize("id", [0, 2])
async def test_an_unknown_acknowledgement_is_logged_and_changes_nothing(
    sio: socketio.AsyncServer,
    manager: socketio.AsyncManager,
    caplog: pytest.LogCaptureFixture,
    id: int,
) -> None:
    (sid,) = await members_of(sio, 1)
    await manager.emit("a", None, "/", callback=ignore)
    manager.logger = logging.getLogger("of the test")

    await manager.trigger_callback(sid, id, [])

    assert [record.name for record in caplog.records] == ["of the test"]
    assert "Unknown callback" in caplog.text
    assert manager.callbacks == {sid: {1: ignore}}


async def test_a_callback_is_called_once(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    (sid,) = await members_of(sio, 1)
    answers: list[Any] = []
    await manager.emit("a", None, "/", callback=answers.append)

    await manager.trigger_callback(sid, 1, ["first"])
    await manager.trigger_callback(sid, 1, ["second"])

    assert answers == ["first"]


# a server whose sending was replaced


async def test_a_replaced_send_gets_every_packet(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    members = await members_of(sio, 2)
    sent: list[Any] = []

    async def send(eio_sid: str, packet: Any) -> None:
        sent.append((eio_sid, packet.packet_type, packet.data, packet.namespace, packet.id))

    sio._send_packet = send  # type: ignore[method-assign]
    first, second = (member.eio_sid for member in members.values())

    await manager.emit("a", (1, 2), "/", callback=ignore)

    assert sent == [(first, EVENT, ["a", 1, 2], "/", 1), (second, EVENT, ["a", 1, 2], "/", 1)]


async def test_a_replaced_send_of_the_engine_gets_every_message(
    sio: socketio.AsyncServer, manager: socketio.AsyncManager
) -> None:
    (member,) = (await members_of(sio, 1)).values()
    sent: list[str] = []

    async def send(eio_sid: str, packet: Any) -> None:
        sent.append(eio_sid)

    sio._send_eio_packet = send  # type: ignore[method-assign]

    await manager.emit("a", b"x", "/")

    assert sent == [member.eio_sid] * 2
