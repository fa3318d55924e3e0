from __future__ import annotations

import asyncio
import json
import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cluster_support import REFUSED, AsyncMemoryManager, Broker
from manager_support import Member

import socketio
from socketio import async_broker_link, base_pubsub_manager
from socketio.async_pubsub_manager import AsyncPubSubManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

SOON = 5
"""Seconds in which everything must happen; only a failing test waits so long."""


LOGGER = logging.getLogger("cluster of the tests")
LOGGER.setLevel(logging.INFO)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(base_pubsub_manager, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(base_pubsub_manager, "MAX_DELAY", 0.002)


@pytest.fixture
def broker() -> Broker:
    return Broker()


class Process:
    """A server in a cluster, with members."""

    def __init__(self, manager: AsyncPubSubManager) -> None:
        self.manager: Any = manager
        self.sio = socketio.AsyncServer(
            async_mode="asgi", client_manager=manager, namespaces="*", logger=LOGGER
        )
        manager.initialize()

    async def member(self, *rooms: str) -> tuple[str, Member]:
        member = Member(self.sio)
        sid = await member.join()
        for room in rooms:
            await self.sio.enter_room(sid, room)
        return sid, member


@asynccontextmanager
async def processes(broker: Broker, count: int = 2, **options: Any) -> AsyncIterator[list[Process]]:
    started = [Process(AsyncMemoryManager(broker, **options)) for _ in range(count)]
    await until(lambda: len(broker.subscribers) == count)
    try:
        yield started
    finally:
        for process in started:
            await process.sio.shutdown()
        assert broker.subscribers == []


async def until(is_so: Callable[[], Any]) -> None:
    async def look() -> None:
        while True:
            if is_so():
                return
            await asyncio.sleep(0.001)

    await asyncio.wait_for(look(), SOON)


async def arrives(member: Member, *expected: bytes) -> None:
    got: list[bytes] = []

    def has_come() -> bool:
        got.extend(member.received())
        return len(got) >= len(expected)

    await until(has_come)
    assert tuple(got) == expected


def messages(broker: Broker) -> list[dict[str, Any]]:
    return [json.loads(message) for message in broker.messages]


# managers of applications


class ApplicationsManager(AsyncPubSubManager):
    """As one was written for python-socketio 5.x."""

    name = "applications"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.published: list[dict[str, Any]] = []
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()

    async def _publish(self, data: dict[str, Any]) -> None:
        self.published.append(data)

    async def _listen(self) -> AsyncIterator[Any]:
        while True:
            yield await self.incoming.get()


async def test_a_manager_of_the_application_publishes_dicts_before_emit_returns() -> None:
    manager = ApplicationsManager(write_only=True)

    await manager.emit("hi", {"x": 1}, room="r")
    await manager.emit("hi", (1, b"b"), namespace="/chat", skip_sid=("s",))
    await manager.close_room("r")
    await manager.enter_room("s", "/", "r")
    await manager.leave_room("s", "/", "r")
    await manager.disconnect("s")
    assert not await manager.can_disconnect("s", "/")

    host = {"host_id": manager.host_id}
    emit = {"method": "emit", "event": "hi", "callback": None}
    assert manager.published == [
        emit | host | {"data": [{"x": 1}], "binary": False, "namespace": "/", "room": "r"}
        | {"skip_sid": None},
        emit | host | {"binary": True, "namespace": "/chat", "room": None, "skip_sid": ["s"]}
        | {"data": [[1, {"_placeholder": True, "num": 0}], "Yg=="]},
        {"method": "close_room", "room": "r", "namespace": "/"} | host,
        {"method": "enter_room", "sid": "s", "room": "r", "namespace": "/"} | host,
        {"method": "leave_room", "sid": "s", "room": "r", "namespace": "/"} | host,
        {"method": "disconnect", "sid": "s", "namespace": "/"} | host,
        {"method": "disconnect", "sid": "s", "namespace": "/"} | host,
    ]  # fmt: skip


@pytest.mark.parametrize("convert", [dict, json.dumps, lambda data: json.dumps(data).encode()])
async def test_a_manager_of_the_application_listens(convert: Any) -> None:
    process = Process(ApplicationsManager())
    _, member = await process.member()

    process.manager.incoming.put_nowait(convert({"method": "emit", "event": "hi", "data": [1]}))

    await arrives(member, b'42["hi",1]')
    assert process.manager.health.state == "connected"
    await process.sio.shutdown()


async def test_errors_of_a_manager_of_the_application_are_its_own() -> None:
    class Failing(ApplicationsManager):
        async def _publish(self, data: dict[str, Any]) -> None:
            raise OSError("no broker")

    with pytest.raises(OSError, match="no broker"):
        await Failing(write_only=True).emit("hi", 1)


async def test_a_manager_that_implements_nothing_says_so() -> None:
    with pytest.raises(NotImplementedError):
        await AsyncPubSubManager(write_only=True).emit("hi", 1)


async def test_a_listener_that_implements_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    process = Process(AsyncPubSubManager())

    await until(lambda: process.manager.health.state == "away")

    assert "implements _listen()" in caplog.text
    await process.sio.shutdown()


# what crosses processes


async def test_an_event_reaches_the_members_of_other_processes(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        _, here = await one.member("r")
        _, there = await two.member("r")

        await one.sio.emit("hi", b"bytes", room="r")

        packet = b'451-["hi",{"_placeholder":true,"num":0}]'
        await arrives(there, packet, b"bYnl0ZXM=")
        await arrives(here, packet, b"bYnl0ZXM=")
        assert two.manager.health.received == 1
        assert one.manager.health.received == 0


async def test_what_is_published_is_numbered(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        for _ in range(3):
            await one.sio.emit("hi")

        await until(lambda: len(broker.messages) == 3)
        assert [message["seq"] for message in messages(broker)] == [1, 2, 3]
        assert {message["host_id"] for message in messages(broker)} == {one.manager.host_id}


async def test_ignore_queue_stays_in_the_process(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        _, member = await one.member()

        await one.sio.emit("hi", ignore_queue=True)

        assert member.received() == [b'42["hi"]']
        assert broker.messages == []


@pytest.mark.parametrize("recipients", ["", [], ()])
async def test_nobody_is_not_everybody(broker: Broker, recipients: Any) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)

    await manager.emit("hi", 1, to=recipients)

    assert broker.messages == []


async def test_rooms_are_entered_left_and_closed_elsewhere(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        sid, member = await two.member()

        await one.sio.enter_room(sid, "a")
        await one.sio.enter_room(sid, "b")
        await one.sio.leave_room(sid, "a")
        await until(lambda: two.sio.rooms(sid) == [sid, "b"])
        await one.sio.close_room("b")
        await until(lambda: two.sio.rooms(sid) == [sid])


async def test_a_client_of_another_process_is_disconnected_there(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        sid, member = await two.member()
        member.session.app.connected["/"] = member.session.app.sids["/"] = sid

        await one.sio.disconnect(sid)

        await arrives(member, b"41")
        await until(lambda: not two.manager.is_connected(sid, "/"))


async def test_a_client_of_this_process_is_disconnected_here(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        sid, member = await one.member()
        member.session.app.connected["/"] = member.session.app.sids["/"] = sid
        assert await one.manager.can_disconnect(sid, "/")

        await one.manager.disconnect(sid, "/")

        assert not one.manager.is_connected(sid, "/")
        assert broker.messages == []


async def test_what_does_not_concern_this_process_is_passed_over(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        sid, member = await one.member()
        for method in ("disconnect", "enter_room", "leave_room"):
            broker.publish({"method": method, "sid": "other", "room": "r", "namespace": "/"})
        broker.publish({"method": "enter_room", "sid": sid, "room": "r", "namespace": "/"})

        await until(lambda: one.sio.rooms(sid) == [sid, "r"])
        assert one.manager.is_connected(sid, "/")


async def test_what_goes_wrong_with_a_message_is_logged_and_the_next_is_read(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker, 1) as (one,):
        first, _ = await one.member()
        second, member = await one.member()
        broker.publish({"method": "enter_room", "sid": first, "room": second, "namespace": "/"})
        broker.publish(b"\x80\x04}\x94.")
        broker.publish({"method": "emit", "event": "hi", "room": second})

        await arrives(member, b'42["hi"]')

        assert "a message could not be handled" in caplog.text
        assert one.manager.health.malformed == 1


async def test_messages_of_a_long_queue_leave_others_their_turn(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        turns = 0
        for _ in range(1000):
            broker.publish({"method": "emit", "event": "hi"})
        while one.manager.health.received < 1000:
            turns += 1
            await asyncio.sleep(0)

        assert turns >= 5


async def test_reserved_events_are_not_published(broker: Broker) -> None:
    with pytest.raises(ValueError, match="reserved"):
        await AsyncMemoryManager(broker, write_only=True).emit("connect", 1)


@pytest.mark.parametrize("data", [object(), {"a": {1, 2}}, [[...]]])
async def test_what_cannot_be_written_is_the_callers_error(broker: Broker, data: Any) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)

    with pytest.raises(TypeError):
        await manager.emit("hi", data)
    with pytest.raises(TypeError):
        await manager.emit("hi", [b"", data])

    assert broker.messages == []
    assert manager.health.pending == 0


async def test_a_list_that_contains_itself_is_the_callers_error(broker: Broker) -> None:
    data: list[Any] = []
    data.append(data)

    with pytest.raises((TypeError, RecursionError)):
        await AsyncMemoryManager(broker, write_only=True).emit("hi", data)


# answers


async def test_the_first_acknowledgement_from_anywhere_counts(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        here, _ = await one.member("r")
        there, member = await two.member("r")
        answers: list[Any] = []

        await one.sio.emit("ask", 1, room="r", callback=lambda *args: answers.append(args))
        await arrives(member, b'421["ask",1]')
        await two.manager.trigger_callback(there, 1, ["there", b"bytes"])
        await until(lambda: answers)
        await one.manager.trigger_callback(here, 1, ["here"])
        await two.manager.trigger_callback(there, 1, ["again"])

        assert answers == [("there", b"bytes")]


async def test_a_local_acknowledgement_counts_too(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        here, _ = await one.member("r")
        there, member = await two.member("r")
        answers: list[Any] = []

        async def note(*args: Any) -> None:
            answers.append(args)

        await one.sio.emit("ask", 1, room=["r", "s"], callback=note)
        await one.manager.trigger_callback(here, 1, ["here"])
        await arrives(member, b'421["ask",1]')
        await two.manager.trigger_callback(there, 1, ["there"])
        await until(lambda: any(m["method"] == "callback" for m in messages(broker)))
        await one.sio.emit("end", room=here)

        assert answers == [("here",)]


async def test_of_the_members_of_one_process_the_first_answers(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        sids = [(await two.member("r"))[0] for _ in range(2)]
        answered = asyncio.Event()
        await one.sio.emit("ask", room="r", callback=lambda *args: answered.set())
        await until(lambda: len(two.manager.callbacks) == 2)

        for sid in sids:
            await two.manager.trigger_callback(sid, 1, [])
        await asyncio.wait_for(answered.wait(), SOON)

        assert [m["method"] for m in messages(broker)] == ["emit", "callback"]


async def test_a_callback_that_fails_is_logged(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker) as (one, two):
        sid, member = await two.member()

        def fail() -> None:
            raise ZeroDivisionError

        await one.sio.emit("ask", room=sid, callback=fail)
        await arrives(member, b'421["ask"]')
        await two.manager.trigger_callback(sid, 1, [])

        await until(lambda: "Callback of an acknowledgement failed" in caplog.text)


async def test_a_call_is_answered_by_a_client_of_another_process(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        sid, member = await two.member()

        call = asyncio.create_task(one.sio.call("ask", to=sid))
        await arrives(member, b'421["ask"]')
        await two.manager.trigger_callback(sid, 1, [5])

        assert await call == 5


async def test_a_call_to_a_client_that_leaves_this_process_is_interrupted(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        sid, member = await one.member()

        call = asyncio.create_task(one.sio.call("ask", to=sid))
        await arrives(member, b'421["ask"]')
        await one.manager.disconnect(sid, "/", ignore_queue=True)

        with pytest.raises(socketio.exceptions.CallInterruptedError):
            await call


async def test_a_call_that_is_not_answered_leaves_nothing(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        here, _ = await one.member()
        for sid in (here, "elsewhere"):
            with pytest.raises(socketio.exceptions.TimeoutError):
                await one.sio.call("ask", to=sid, timeout=0.01)

        assert not any(one.manager.callbacks.values())
        assert len(one.manager._cluster_acks) == 0


async def test_callbacks_of_other_kinds_are_kept_when_a_client_leaves(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        sid, _ = await one.member()
        await one.sio.emit("ask", room=sid, callback=print)
        await one.manager.disconnect(sid, "/", ignore_queue=True)

        assert len(one.manager._cluster_acks) == 0
        one.manager.forget_callback(sid, print)


async def test_a_callback_needs_a_server_and_a_room(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        with pytest.raises(ValueError, match="room"):
            await one.manager.emit("ask", 1, callback=print)
    with pytest.raises(RuntimeError, match="server"):
        await AsyncMemoryManager(broker, write_only=True).emit("ask", 1, room="r", callback=print)


async def test_an_event_that_cannot_be_written_leaves_no_callback(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        with pytest.raises(TypeError):
            await one.sio.emit("ask", object(), room="r", callback=print)

        assert len(one.manager._cluster_acks) == 0


async def test_bytes_are_not_sent_to_who_does_not_understand_them(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker, 1) as (one,):
        sid, member = await one.member()
        broker.publish(
            {
                "method": "emit",
                "event": "ask",
                "room": sid,
                "callback": ["r", "/", 1],
                "host_id": "upstream",
            }
        )
        await arrives(member, b'421["ask"]')

        await one.manager.trigger_callback(sid, 1, [b"bytes"])

        assert "cannot be sent" in caplog.text
        assert len(broker.messages) == 1


async def test_an_acknowledgement_that_nobody_waits_for_is_passed_over(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        broker.publish({"method": "callback", "host_id": one.manager.host_id, "id": 77, "args": []})

        await until(lambda: one.manager.health.received == 1)


def test_anybody_may_be_elsewhere(broker: Broker) -> None:
    assert AsyncMemoryManager(broker).can_reach("anybody", "/")


# the worst day


async def test_while_the_broker_is_away_messages_are_kept_in_order(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker) as (one, two):
        _, here = await one.member()
        _, there = await two.member()
        broker.fault = REFUSED
        for number in range(5):
            await one.sio.emit("n", number)
        assert len(here.received()) == 5
        await until(lambda: one.manager.health.state == "away")
        assert one.manager.health.pending == 5

        broker.fault = None

        await arrives(there, *[b'42["n",%d]' % number for number in range(5)])
        health = one.manager.health
        assert (health.state, health.published, health.uncertain) == ("connected", 5, 0)
        assert caplog.text.count("Cannot publish") == 1
        assert caplog.text.count("Publishing to the memory broker again") == 1


async def test_what_may_have_arrived_is_not_sent_again(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        broker.fault = ConnectionResetError("while sending")
        await one.sio.emit("n", 1)
        await until(lambda: one.manager.health.uncertain == 1)
        assert not one.manager.is_open

        broker.fault = None
        await one.sio.emit("n", 2)

        await until(lambda: broker.messages)
        assert [message["data"] for message in messages(broker)] == [[2]]


async def test_what_the_broker_refuses_is_dropped_alone(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker) as (one, two):
        for data in (1, "poison", 2, "poison", 3):
            await one.sio.emit("n", data)

        await until(lambda: two.manager.health.received == 3)
        health = one.manager.health
        assert (health.published, health.dropped, health.uncertain) == (3, 2, 0)
        assert health.state == "connected"
        assert two.manager.health.missed == 2
        assert caplog.text.count("refuses a message") == 1


async def test_too_many_messages_push_the_oldest_out(broker: Broker) -> None:
    async with processes(broker, 1, max_pending_publishes=3) as (one,):
        broker.fault = REFUSED
        for number in range(10):
            await one.sio.emit("n", number)
        await until(lambda: one.manager.health.pending == 3)

        broker.fault = None

        await until(lambda: len(broker.messages) == 3)
        assert [message["data"] for message in messages(broker)] == [[7], [8], [9]]
        assert one.manager.health.dropped == 7


async def test_a_broker_that_hangs_holds_nobody_up(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        _, member = await one.member()
        one.manager.hanging = asyncio.Event()

        async def emit_many() -> None:
            for number in range(2 * base_pubsub_manager.CROWD):
                await one.sio.emit("n", number)

        await asyncio.wait_for(emit_many(), SOON)

        assert one.manager.health.pending > base_pubsub_manager.CROWD
        one.manager.hanging.set()
        await until(lambda: len(broker.messages) == 2 * base_pubsub_manager.CROWD)


async def test_who_emits_more_than_the_broker_takes_waits_for_it(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        await one.sio.emit("n")
        await until(lambda: one.manager.health.published == 1)

        for number in range(3 * base_pubsub_manager.CROWD):
            await one.sio.emit("n", number)
            assert one.manager.health.pending <= base_pubsub_manager.CROWD + 1


async def test_who_emits_much_after_a_pause_waits_for_the_broker(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_pubsub_manager, "CROWD", 10)
    monkeypatch.setattr(base_pubsub_manager, "PATIENCE", 0.2)
    async with processes(broker, 1) as (one,):
        await one.sio.emit("n")
        await until(lambda: one.manager.health.published == 1)
        await asyncio.sleep(0.3)

        for number in range(100):
            await one.sio.emit("n", number)
            assert one.manager.health.pending <= 11


async def test_who_emits_waits_for_a_slow_broker_but_not_for_long(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_pubsub_manager, "CROWD", 10)
    monkeypatch.setattr(async_broker_link, "PATIENCE", 0.05)

    class Slow(AsyncMemoryManager):
        async def _send(self, payloads: Sequence[bytes]) -> None:
            await asyncio.sleep(0.01)
            await super()._send(payloads)

    process = Process(Slow(broker))
    broker.fault = REFUSED
    for number in range(3_000):
        await process.sio.emit("n", number)
    broker.fault = None
    await until(lambda: process.manager.health.published)

    await process.sio.emit("n")

    assert process.manager.health.pending > 10
    await process.manager.stop(timeout=0)


async def test_a_subscription_that_is_lost_is_made_again(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker, 1) as (one,):
        broker.fault = REFUSED
        broker.cut(ConnectionResetError("cut"))
        await until(lambda: one.manager.health.state == "away")

        broker.fault = None

        await until(lambda: broker.subscribers)
        assert one.manager.health.state == "connected"
        assert caplog.text.count("Cannot receive") == 1
        assert caplog.text.count("Receiving from the memory broker again") == 1


async def test_a_listener_that_ends_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    class Ending(ApplicationsManager):
        starts = 0

        async def _listen(self) -> AsyncIterator[Any]:
            self.starts += 1
            for _ in ():
                yield _

    process = Process(Ending())

    await until(lambda: process.manager.starts >= 3)

    assert "the connection has ended" in caplog.text
    await process.sio.shutdown()


async def test_what_was_missed_meanwhile_is_counted(broker: Broker) -> None:
    async with processes(broker) as (one, two):
        await one.sio.emit("n", 1)
        await until(lambda: two.manager.health.received == 1)
        lost, broker.subscribers[:] = broker.subscribers[:], []
        for number in (2, 3):
            await one.sio.emit("n", number)
        await until(lambda: one.manager.health.published == 3)
        broker.subscribers[:] = lost
        await one.sio.emit("n", 4)

        await until(lambda: two.manager.health.received == 2)
        assert two.manager.health.missed == 2


async def test_the_lag_is_measured_with_own_messages(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        assert one.manager.health.lag is None
        await one.sio.emit("n", 1)
        await until(lambda: one.manager._reader.own_seq == 1)
        await one.sio.emit("n", 2)

        await until(lambda: one.manager._probe is None)
        assert 0 <= one.manager.health.lag < SOON
        assert one.manager.health.last_message < SOON

        one.manager.hanging = asyncio.Event()
        await one.sio.emit("n", 3)
        before = one.manager.health.lag
        await until(lambda: one.manager.health.lag > before)
        one.manager.hanging.set()


async def measured_lag(process: Process) -> float:
    for number in (1, 2):
        await process.sio.emit("n", number)
        await until(lambda: process.manager._reader.own_seq == number)  # noqa: B023
    await until(lambda: process.manager._probe is None)
    return float(process.manager.health.lag)


async def test_a_broker_that_is_back_is_noticed_although_nothing_is_to_be_sent(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with processes(broker, 1) as (one,):
        lag = await measured_lag(one)
        broker.fault = ConnectionResetError("while sending")
        await one.sio.emit("n", 2)
        await until(lambda: one.manager.health.uncertain == 1)
        assert one.manager.health.state == "away"

        broker.fault = None

        await until(lambda: one.manager.health.state == "connected")
        assert one.manager.health.lag == lag
        assert one.manager.health.published == 2
        assert "1 messages were lost" in caplog.text


async def test_an_own_message_that_is_missed_here_is_not_on_its_way_for_ever(
    broker: Broker,
) -> None:
    async with processes(broker, 1) as (one,):
        lag = await measured_lag(one)
        lost, broker.subscribers[:] = broker.subscribers[:], []
        await one.sio.emit("n", 2)
        await until(lambda: one.manager.health.lag > lag)

        lost[0].put_nowait(ConnectionResetError("cut"))
        broker.subscribers[:] = lost

        await until(lambda: broker.subscribers and broker.subscribers != lost)
        await until(lambda: one.manager.health.lag == lag)


# processes without a server


async def test_a_process_without_a_server_notices_that_the_broker_is_back(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    broker.fault = ConnectionResetError("while sending")
    await manager.emit("n", 1)
    assert manager.health.state == "away"

    broker.fault = None

    await until(lambda: manager.health.state == "connected")
    assert (manager.health.published, manager.health.uncertain) == (0, 1)


async def test_a_write_only_emit_returns_when_the_broker_has_the_message(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    assert manager.health.state == "idle"

    for number in range(10):
        await manager.emit("n", number)
        assert len(broker.messages) == number + 1

    assert manager.health.state == "connected"
    assert broker.subscribers == []


async def test_a_write_only_manager_sends_later_what_it_cannot_send_now(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    broker.fault = REFUSED
    for number in range(3):
        await manager.emit("n", number)
    assert manager.health.pending == 3

    broker.fault = None

    await until(lambda: len(broker.messages) == 3)
    assert [message["data"] for message in messages(broker)] == [[0], [1], [2]]
    await manager.emit("n", 3)
    assert len(broker.messages) == 4


async def test_concurrent_emits_are_sent_in_order(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)

    await asyncio.gather(*[manager.emit("n", number) for number in range(20)])

    assert [message["data"] for message in messages(broker)] == [[n] for n in range(20)]


async def test_an_emit_that_is_cancelled_may_have_arrived(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    await manager.emit("n", 0)
    manager.hanging = asyncio.Event()
    emit = asyncio.create_task(manager.emit("n", 1))
    await until(lambda: manager.hangs)
    emit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await emit
    assert manager.health.uncertain == 1

    manager.hanging = None
    await manager.emit("n", 2)

    assert [message["data"] for message in messages(broker)] == [[0], [2]]


def test_a_manager_survives_its_event_loop(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)

    for number in range(3):
        asyncio.run(manager.emit("n", number))

    assert [message["seq"] for message in messages(broker)] == [1, 2, 3]


async def test_a_manager_in_a_child_process_is_another_host(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    await manager.emit("n", 0)
    host_id = manager.host_id
    broker.fault = REFUSED
    await manager.emit("n", 1)
    broker.fault = None

    monkeypatch.setattr(os, "getpid", lambda: -1)
    await manager.emit("n", 2)

    first, second = messages(broker)
    assert (first["seq"], second["seq"]) == (1, 1)
    assert (first["host_id"], second["host_id"]) == (host_id, manager.host_id)
    assert host_id != manager.host_id
    await manager.stop()


@pytest.mark.parametrize("logger", [None, False, True])
def test_without_a_logger_the_packages_is_used(broker: Broker, logger: Any) -> None:
    manager = AsyncMemoryManager(broker, write_only=True, logger=logger)

    assert manager._get_logger() is logging.getLogger("socketio")


async def test_a_manager_without_a_server_uses_its_own_json(broker: Broker) -> None:
    class Shouting:
        dumps = staticmethod(lambda value, **options: json.dumps(value, **options).upper())
        loads = staticmethod(json.loads)

    manager = AsyncMemoryManager(broker, write_only=True, json=Shouting)

    await manager.emit("n", "loud")

    assert b'"LOUD"' in broker.messages[0]


# the end


async def test_stopping_sends_what_waits_and_closes_everything(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        await one.sio.emit("n", 1)

        await one.sio.shutdown()

        assert len(broker.messages) == 1
        assert broker.subscribers == []
        assert not one.manager.is_open
        assert one.manager.health.state == "stopped"


async def test_what_is_emitted_after_the_end_starts_it_again(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        await one.sio.shutdown()

        await one.sio.emit("n", 1)

        await until(lambda: broker.messages and broker.subscribers)
        assert one.manager.health.state == "connected"


async def test_stopping_does_not_wait_for_a_broker_that_is_away(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        one.manager.hanging = asyncio.Event()
        await one.sio.emit("n", 1)
        await until(lambda: one.manager.hangs)

        assert await one.manager.stop(timeout=0.01) == 1

        assert one.manager.health.uncertain == 1


async def test_stopping_ends_the_wait_for_a_broker_that_refuses(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_pubsub_manager, "FIRST_DELAY", 100)
    monkeypatch.setattr(base_pubsub_manager, "MAX_DELAY", 100)
    async with processes(broker, 1) as (one,):
        broker.fault = REFUSED
        broker.cut(ConnectionResetError("cut"))
        await one.sio.emit("n", 1)
        await until(lambda: one.manager.health.pending == 1)

        await asyncio.wait_for(one.manager.stop(), SOON)


async def test_a_write_only_manager_can_be_stopped(broker: Broker) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    await manager.emit("n", 1)
    broker.fault = REFUSED
    await manager.emit("n", 2)

    assert await manager.stop() == 1

    assert not manager.is_open
    assert manager.health.dropped == 1
    broker.fault = None
    await manager.emit("n", 3)
    assert [message["data"] for message in messages(broker)] == [[1], [3]]
    assert await manager.stop() == 0


async def test_stopping_does_not_wait_for_who_emits(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    manager = AsyncMemoryManager(broker, write_only=True)
    manager.hanging = asyncio.Event()
    emitting = [asyncio.create_task(manager.emit("n", number)) for number in range(5)]
    await until(lambda: manager.hangs)

    assert await manager.stop(timeout=0.01) == 5

    assert "5 messages to the memory broker were lost" in caplog.text
    manager.hanging.set()
    await asyncio.gather(*emitting)
    assert not manager.is_open
    assert (manager.health.published, manager.health.dropped) == (1, 4)
    assert manager.health.state == "stopped"


async def test_initializing_twice_listens_once(broker: Broker) -> None:
    async with processes(broker, 1) as (one,):
        one.manager.initialize()
        await one.sio.emit("n")
        await until(lambda: broker.messages)

        assert len(broker.subscribers) == 1
