from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from shell_support import make_engine, open_session, settled, text

from engineio._core.backlogs import HIGH_WATER
from engineio._core.engine import TURN_BYTES
from engineio._core.reason import Reason
from engineio._shell.async_pace import PATIENCE, AsyncPace

if TYPE_CHECKING:
    from engine_support import RecordingChannel

    from engineio._core.session import Session


class Sender:
    """A server that sends to clients as slow as it is told, at a time that stands still."""

    def __init__(self) -> None:
        self.engine = make_engine(max_send_buffer=None)
        self.now = 0.0
        self.pace = AsyncPace(self.engine, lambda: self.now, asyncio.sleep)

    def slow_client(self, sid: str = "slow") -> tuple[Session, RecordingChannel]:
        session, channel = open_session(self.engine, sid=sid)
        self.clog(session, channel)
        return session, channel

    def clog(self, session: Session, channel: RecordingChannel) -> None:
        channel.buffered = HIGH_WATER + 1
        self.engine.send(session, [text("4a")])
        self.engine.flush(0)


@pytest.fixture
def sender() -> Sender:
    return Sender()


def _returns_at_once(sender: Sender) -> bool:
    waiting = sender.pace.wait()
    try:
        waiting.send(None)
    except StopIteration:
        return True
    waiting.close()
    return False


def test_a_sender_normally_does_not_wait(sender: Sender) -> None:
    session, _ = open_session(sender.engine)

    sender.engine.send(session, [text("4a")])

    assert _returns_at_once(sender)


async def test_a_sender_of_much_lets_the_loop_run_once(sender: Sender) -> None:
    session, _ = open_session(sender.engine)
    sender.engine.send(session, [text("4" * (TURN_BYTES + 1))])
    ran: list[str] = []
    asyncio.get_running_loop().call_soon(ran.append, "loop")
    assert not _returns_at_once(sender)
    sender.engine.turn_bytes = TURN_BYTES + 1

    await sender.pace.wait()

    assert ran == ["loop"]
    assert _returns_at_once(sender)


async def test_a_sender_waits_until_a_slow_client_has_caught_up(sender: Sender) -> None:
    _, channel = sender.slow_client()
    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()
    assert not waiting.done()

    channel.buffered = 0
    await waiting

    assert _returns_at_once(sender)


async def test_a_client_that_has_caught_up_meanwhile_is_not_waited_for(sender: Sender) -> None:
    _, channel = sender.slow_client()
    channel.buffered = HIGH_WATER

    await sender.pace.wait()

    assert not sender.engine.crowded


async def test_a_stalled_client_is_waited_for_once(sender: Sender) -> None:
    sender.slow_client()
    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()

    sender.now += PATIENCE
    await waiting
    # time stands still: this one would never end if it waited
    await sender.pace.wait()


async def test_the_others_get_in_one_write_what_is_sent_while_a_client_is_stalled(
    sender: Sender,
) -> None:
    """A stalled client costs senders no turn of the loop, and the others no writes."""
    stalled, channel = sender.slow_client("stalled")
    healthy, _ = open_session(sender.engine, sid="healthy")
    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()
    sender.now += PATIENCE
    await waiting

    for _ in range(100):
        channel.buffered += 2
        sender.engine.broadcast(["stalled", "healthy"], [text("4a")])
        assert _returns_at_once(sender)

    assert (len(stalled.outbox), len(healthy.outbox)) == (100, 100)
    sender.engine.flush(0)
    assert _returns_at_once(sender)


async def test_a_stalled_client_does_not_hide_another_slow_one(sender: Sender) -> None:
    sender.slow_client("stalled")
    stalled = asyncio.ensure_future(sender.pace.wait())
    sender.now += PATIENCE
    await settled()
    sender.now += PATIENCE
    await stalled
    _, channel = sender.slow_client("slow")

    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()
    assert not waiting.done()

    channel.buffered = 0
    await waiting


async def test_a_stalled_client_that_caught_up_is_waited_for_again(sender: Sender) -> None:
    session, channel = sender.slow_client()
    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()
    sender.now += PATIENCE
    await waiting
    channel.buffered = 0
    sender.engine.send(session, [text("4a")])
    sender.engine.flush(0)
    await sender.pace.wait()
    sender.clog(session, channel)

    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()
    assert not waiting.done()

    sender.engine.close(session, Reason.SERVER_DISCONNECT)
    await waiting


async def test_a_closed_session_is_not_waited_for(sender: Sender) -> None:
    session, _ = sender.slow_client()
    waiting = asyncio.ensure_future(sender.pace.wait())
    await settled()

    sender.engine.close(session, Reason.SERVER_DISCONNECT)

    await waiting
