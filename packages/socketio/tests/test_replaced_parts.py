"""What applications put in the place of methods of classes, tables of a manager, and JSON modules,
when the server has been made already."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from cluster_support import AsyncMemoryManager, Broker
from manager_support import Member
from threads_support import SOON, Client, make_server

import engineio
import socketio
from engineio.packet import Packet as EnginePacket
from socketio.base_manager import BaseManager
from socketio.packet import Packet
from socketio.testing import AsyncTestServer, TestServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


async def until(is_so: Callable[[], bool]) -> None:
    async def look() -> None:
        while not is_so():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.001)

    await asyncio.wait_for(look(), SOON)


def make_async_server(**options: Any) -> socketio.AsyncServer:
    return socketio.AsyncServer(async_mode="asgi", namespaces="*", **options)


# methods of classes

HOOKS = {
    "_handle_eio_connect": 1,
    "_handle_eio_message": 2,
    "_handle_eio_disconnect": 1,
    "_handle_connect": 1,
    "_handle_event": 1,
    "_handle_event_internal": 1,
    "_trigger_event": 3,
    "_send_packet": 1,
    "_send_eio_packet": 2,
}
"""How often they are called for a client that connects, sends an event, gets one, and goes."""


def owner_of(class_: type, name: str) -> type:
    return next(owner for owner in class_.__mro__ if name in vars(owner))


@pytest.mark.parametrize("in_owner", [False, True])
@pytest.mark.parametrize("name", HOOKS)
async def test_a_class_may_be_patched_after_its_server_was_made(
    monkeypatch: pytest.MonkeyPatch, name: str, in_owner: bool
) -> None:
    sio = make_async_server()
    sio.on("event", lambda sid: None)
    calls: list[str] = []
    original = getattr(socketio.AsyncServer, name)

    async def patched(self: Any, *args: Any) -> Any:
        calls.append(name)
        return await original(self, *args)

    async with AsyncTestServer(sio) as server:
        await server.connect()
        owner = owner_of(socketio.AsyncServer, name) if in_owner else socketio.AsyncServer
        monkeypatch.setattr(owner, name, patched, raising=False)
        await server.connect()  # is when it is noticed
        calls.clear()

        client = await server.connect()
        await client.emit("event")
        await sio.emit("event", to=client.sid)
        await client.disconnect()
        assert len(calls) == HOOKS[name]

        monkeypatch.undo()
        await server.connect()
        calls.clear()
        await (await server.connect()).emit("event")
        assert calls == []


@pytest.mark.parametrize("name", ["_trigger_event", "_handle_eio_message"])
def test_a_class_of_a_server_of_threads_may_be_patched(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sio = make_server()
    sio.on("event", lambda sid: "done")
    calls: list[str] = []
    original = getattr(socketio.Server, name)

    def patched(self: Any, *args: Any) -> Any:
        calls.append(name)
        return original(self, *args)

    monkeypatch.setattr(owner_of(socketio.Server, name), name, patched)
    with TestServer(sio) as server:
        client = server.connect()
        calls.clear()
        assert client.call("event") == "done"

    assert calls == [name] or calls == [name, name]


# who receives what


def only(sid: str) -> Any:
    def get_participants(self: Any, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        yield sid, self.eio_sid_from_sid(sid, namespace)

    return get_participants


@pytest.mark.parametrize("callback", [None, print])
async def test_a_replaced_get_participants_chooses_the_recipients(callback: Any) -> None:
    sio = make_async_server()
    ada, grace = Member(sio), Member(sio)
    sid = await ada.join()
    other = await grace.join()
    manager: Any = sio.manager

    manager.get_participants = only(sid).__get__(manager)
    await sio.emit("one", callback=callback)
    assert (len(ada.received()), grace.received()) == (1, [])
    del manager.get_participants
    await sio.emit("both", callback=callback)
    assert (len(ada.received()), len(grace.received())) == (1, 1)
    await sio.emit("one", to=other)
    assert (ada.received(), len(grace.received())) == ([], 1)


async def test_a_pending_client_gets_what_an_overridden_get_participants_gives_it_only() -> None:
    class Manager(socketio.AsyncManager):
        def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
            yield from (pair for pair in super().get_participants(namespace, room) if room != "x")

    sio = make_async_server(client_manager=Manager())
    ada, pending = Member(sio), Member(sio)
    await ada.join()
    await sio.manager.pre_connect(pending.eio_sid, "/")

    await sio.emit("event", to="x")
    await sio.emit("event")

    assert (len(ada.received()), pending.received(), pending.held()) == (1, [], [])


@pytest.mark.parametrize("owner", [BaseManager, socketio.Manager])
def test_a_patched_class_of_managers_chooses_the_recipients(
    monkeypatch: pytest.MonkeyPatch, owner: type
) -> None:
    sio = make_server()
    ada, grace = Client(sio, "ada"), Client(sio, "grace")
    sid = ada.join()
    grace.join()

    monkeypatch.setattr(owner, "get_participants", only(sid), raising=False)
    sio.emit("one")
    monkeypatch.undo()
    sio.emit("both")

    assert [ada.next(), ada.next()] == ['2["one"]', '2["both"]']
    assert grace.next() == '2["both"]'


async def test_in_a_cluster_each_process_chooses_among_its_clients() -> None:
    class Manager(AsyncMemoryManager):
        def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
            yield from super().get_participants(namespace, "lobby" if room == "hall" else room)

    broker = Broker()
    here, there = (make_async_server(client_manager=Manager(broker)) for _ in range(2))
    members = [Member(here), Member(there)]
    for sio, member in zip((here, there), members, strict=True):
        await sio.enter_room(await member.join(), "lobby")

    await until(lambda: len(broker.subscribers) == 2)
    await here.emit("event", to="hall")
    await until(lambda: there.manager.health.received == 1)
    for sio in (here, there):
        await sio.shutdown()

    assert [member.received() for member in members] == [[b'42["event"]']] * 2


# tables


async def test_the_rooms_of_a_manager_can_be_replaced() -> None:
    sio = make_async_server()
    ada, grace = Member(sio), Member(sio)
    sids = [await ada.join(), await grace.join()]
    manager: Any = sio.manager
    rooms = {"/": {None: {"new": ada.eio_sid}, "new": {"new": ada.eio_sid}}}
    rooms["/"]["lobby"] = {"new": ada.eio_sid}

    manager.rooms = rooms

    assert manager.rooms is rooms
    assert [manager.is_connected(sid, "/") for sid in ("new", *sids)] == [True, False, False]
    assert manager.get_rooms("new", "/") == ["new", "lobby"]
    assert manager.sid_from_eio_sid(ada.eio_sid, "/") == "new"
    await sio.emit("event", to="lobby")
    assert (len(ada.received()), grace.received()) == (1, [])
    await manager.disconnect("new", "/")
    assert manager.rooms == {}


async def test_the_callbacks_of_a_manager_can_be_replaced() -> None:
    sio = make_async_server()
    called: list[int] = []
    sio.manager.callbacks = {"sid": {1: called.append}}

    await sio.manager.trigger_callback("sid", 1, [5])

    assert called == [5]
    assert sio.manager.callbacks == {"sid": {}}


def test_the_sockets_of_an_engine_can_be_replaced() -> None:
    sio = make_server()
    client = Client(sio)
    sio.eio.sockets = {"one": client.session}
    assert list(sio.eio.sockets) == ["one"]

    sio.eio.sockets = {}

    assert sio.eio.sockets == {}
    with pytest.raises(KeyError):
        sio.eio.transport("eio")


# JSON


class Json:
    """Marks what it writes and reads."""

    def __init__(self) -> None:
        self.written = self.read = 0

    def dumps(self, value: Any, **options: Any) -> str:
        self.written += 1
        return json.dumps(value, **options)

    def loads(self, text: str, **options: Any) -> Any:
        self.read += 1
        return json.loads(text, **options)


@pytest.fixture
def marked() -> Json:
    return Json()


async def test_the_json_of_all_servers_can_be_replaced_after_they_were_made(
    monkeypatch: pytest.MonkeyPatch, marked: Json
) -> None:
    sio, own = make_async_server(), make_async_server(json=json)

    monkeypatch.setattr(Packet, "json", marked)
    for server, uses in ((own, False), (sio, True)):
        member = Member(server)
        await member.join()
        await server.emit("event", {})
        server.wire.new_decoder().feed('2["event"]')
        assert (marked.written > 0, marked.read > 0) == (uses, uses)
    assert sio.manager.json is marked

    monkeypatch.undo()
    Member(sio)
    written = marked.written
    await sio.emit("event", {})
    assert marked.written == written


async def test_the_json_of_all_clients_can_be_replaced_after_they_were_made(
    monkeypatch: pytest.MonkeyPatch, marked: Json
) -> None:
    client, own = socketio.AsyncClient(), socketio.AsyncClient(json=json)

    monkeypatch.setattr(Packet, "json", marked)
    for it, uses in ((own, False), (client, True)):
        it._new_decoder().feed('2["event"]')
        it._wire.encoder.event("/", ["event"])
        assert (marked.written > 0, marked.read > 0) == (uses, uses)


async def test_the_json_of_an_engine_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch, marked: Json
) -> None:
    eio = engineio.AsyncServer(async_mode="asgi", async_handlers=False)
    own = Json()
    eio_with_own = engineio.AsyncServer(async_mode="asgi", async_handlers=False, json=own)
    got: list[Any] = []

    monkeypatch.setattr(EnginePacket, "json", marked)
    for it in (eio, eio_with_own):
        it.on("message", lambda sid, data: got.append(data))
        session = it.engine.create("sid", "polling")
        it.engine.accept(session, 0)
        await it.send("sid", {"a": 1})
        pending = it._received(session, '{"b":2}')
        assert pending is not None
        await pending
        it._codec.dumps("refused")
        it.engine.close(session, "over")

    assert (marked.written, marked.read) == (own.written, own.read) == (2, 1)
    assert got == [{"b": 2}] * 2
