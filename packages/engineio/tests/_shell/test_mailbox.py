from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from shell_support import make_engine, open_session, settled

from engineio._core.reason import Reason
from engineio._shell.mailbox import MAX_WAITING, Mailbox
from engineio._shell.receiver import Receiver
from engineio.exceptions import ProtocolError

if TYPE_CHECKING:
    from engineio._core.layer import Pending
    from engineio._core.session import Session


class RecordingReader:
    """Remembers whether it may read."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


class Connection:
    """A mailbox whose application waits for messages that begin with ``w``."""

    def __init__(self) -> None:
        self.engine = make_engine()
        self.session, channel = open_session(self.engine)
        receiver = Receiver(
            self.engine, self.session, channel, self._received, lambda: 0.0, probing=False
        )
        self.reader = RecordingReader()
        self.mailbox = Mailbox(receiver, self.reader)
        self.gate = asyncio.Event()
        self.begun: list[str | bytes] = []
        self.ended: list[str | bytes] = []

    def deliver(self, *messages: str) -> None:
        for message in messages:
            self.mailbox.deliver(f"4{message}")

    def _received(self, session: Session, data: str | bytes) -> Pending:
        self.begun.append(data)
        if isinstance(data, str) and data.startswith("w"):
            return self._wait(data)
        self.ended.append(data)
        return None

    async def _wait(self, data: str) -> None:
        await self.gate.wait()
        if data == "wrong":
            raise ProtocolError("refused")
        self.ended.append(data)


@pytest.fixture
async def connection() -> Connection:
    return Connection()


async def test_frames_are_handed_on_at_once_while_nobody_waits(connection: Connection) -> None:
    tasks = asyncio.all_tasks()

    connection.deliver("a", "b", "c")

    assert connection.ended == ["a", "b", "c"]
    assert asyncio.all_tasks() == tasks


async def test_frames_wait_for_the_handler_of_the_one_before(connection: Connection) -> None:
    connection.deliver("wait", "b", "wait again", "d")
    await settled()
    assert connection.begun == ["wait"]

    connection.gate.set()
    await settled()

    assert connection.ended == ["wait", "b", "wait again", "d"]


async def test_afterwards_frames_are_handed_on_at_once_again(connection: Connection) -> None:
    connection.deliver("wait")
    connection.gate.set()
    await settled()

    connection.deliver("b")

    assert connection.ended == ["wait", "b"]


async def test_reading_pauses_while_much_is_held_back(connection: Connection) -> None:
    names = [str(number) for number in range(MAX_WAITING + 5)]
    connection.deliver("wait", *names[: MAX_WAITING - 1])
    assert connection.reader.calls == []

    connection.deliver(*names[MAX_WAITING - 1 :])
    assert connection.reader.calls == ["pause"]

    connection.gate.set()
    await settled()
    assert connection.reader.calls == ["pause", "resume"]
    assert connection.ended == ["wait", *names]


async def test_a_pong_behind_a_handler_is_not_missed(connection: Connection) -> None:
    connection.engine.tick(25)
    connection.deliver("wait", *["b"] * MAX_WAITING)
    connection.mailbox.deliver("3")
    await settled()

    connection.engine.tick(45)
    connection.gate.set()
    await settled()

    assert connection.session.reason is None
    assert connection.engine.next_deadline() == 25


async def test_what_arrived_before_the_end_is_still_handed_on(connection: Connection) -> None:
    connection.deliver("wait", *["b"] * MAX_WAITING)

    connection.mailbox.lost()
    await settled()
    assert connection.session.reason is None

    connection.gate.set()
    await settled()
    assert connection.ended == ["wait", *["b"] * MAX_WAITING]
    assert connection.session.reason == Reason.TRANSPORT_CLOSE
    assert connection.reader.calls == ["pause"]


async def test_the_end_is_told_at_once_while_nobody_waits(connection: Connection) -> None:
    connection.mailbox.lost()

    assert connection.session.reason == Reason.TRANSPORT_CLOSE


async def test_nothing_is_handed_on_after_a_message_that_was_refused(
    connection: Connection,
) -> None:
    connection.deliver("wrong", "b", "c")

    connection.gate.set()
    await settled()

    assert connection.session.reason == Reason.TRANSPORT_ERROR
    assert connection.begun == ["wrong"]
