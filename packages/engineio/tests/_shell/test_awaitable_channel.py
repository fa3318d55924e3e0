from __future__ import annotations

import asyncio

import pytest
from shell_support import settled, text

from engineio._core.message import MESSAGE_OVERHEAD, Message
from engineio._shell.awaitable_channel import AwaitableChannel


class RecordingOutlet:
    """Takes what it is given, while its gate is open."""

    def __init__(self) -> None:
        self.taken: list[bytes | int | str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.busy = 0

    async def send(self, message: Message) -> None:
        await self._take(message.payload)

    async def close(self, code: int) -> None:
        await self._take(code)

    def abort(self) -> None:
        self.taken.append("abort")

    async def _take(self, what: bytes | int) -> None:
        self.busy += 1
        assert self.busy == 1, "one at a time"
        try:
            if not self.gate.is_set():
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            self.taken.append(what)
        finally:
            self.busy -= 1


@pytest.fixture
async def outlet() -> RecordingOutlet:
    return RecordingOutlet()


@pytest.fixture
async def channel(outlet: RecordingOutlet) -> AwaitableChannel:
    return AwaitableChannel(outlet)


async def test_messages_leave_in_order(outlet: RecordingOutlet, channel: AwaitableChannel) -> None:
    channel.write([text("4a"), text("4b")])
    channel.write([Message(b"\x00", binary=True)])
    await settled()
    channel.write([text("4c")])
    await settled()

    assert outlet.taken == [b"4a", b"4b", b"\x00", b"4c"]
    assert (channel.buffered, channel.unsent) == (0, 0)


async def test_a_framework_that_does_not_wait_takes_messages_at_once(
    outlet: RecordingOutlet, channel: AwaitableChannel
) -> None:
    channel.write([text("4a")])
    await settled()

    channel.write([text("4b")])

    assert outlet.taken == [b"4a", b"4b"]


async def test_what_the_framework_has_not_taken_is_buffered(
    outlet: RecordingOutlet, channel: AwaitableChannel
) -> None:
    outlet.gate.clear()
    channel.write([text("4a"), text("4\u00e4")])
    await settled()
    channel.write([text("4b")])
    assert (outlet.taken, channel.buffered, channel.unsent) == (
        [],
        2 + 3 + 2 + 3 * MESSAGE_OVERHEAD,
        3,
    )

    outlet.gate.set()
    await settled()

    assert outlet.taken == [b"4a", "4\u00e4".encode(), b"4b"]
    assert (channel.buffered, channel.unsent) == (0, 0)


async def test_a_close_follows_what_is_queued_and_nothing_follows_it(
    outlet: RecordingOutlet, channel: AwaitableChannel
) -> None:
    outlet.gate.clear()
    channel.write([text("4a")])
    channel.close(1000)
    channel.write([text("4late")])
    channel.close(1002)
    outlet.gate.set()
    await settled()
    channel.write([text("4later")])
    channel.close(1002)
    await settled()

    assert outlet.taken == [b"4a", 1000]
    assert (channel.buffered, channel.unsent) == (0, 2)


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("closed", [False, True])
async def test_an_abort_drops_what_is_queued(
    outlet: RecordingOutlet, channel: AwaitableChannel, closed: bool, turns: int
) -> None:
    outlet.gate.clear()
    channel.write([text("4a"), text("4b")])
    if closed:
        channel.close(1000)
    for _ in range(turns):
        await asyncio.sleep(0)

    channel.abort()
    outlet.gate.set()
    await settled()
    channel.write([text("4late")])
    channel.close(1000)
    await settled()

    assert outlet.taken == ["abort"]
    assert (channel.buffered, channel.unsent) == (0, 3)


async def test_an_idle_channel_can_be_aborted(
    outlet: RecordingOutlet, channel: AwaitableChannel
) -> None:
    channel.write([text("4a")])
    await settled()

    channel.abort()
    await settled()

    assert outlet.taken == [b"4a", "abort"]


async def test_a_close_that_the_peer_does_not_take_can_be_aborted(
    outlet: RecordingOutlet, channel: AwaitableChannel
) -> None:
    outlet.gate.clear()
    channel.close(1000)
    await settled()

    channel.abort()
    outlet.gate.set()
    await settled()

    assert outlet.taken == ["abort"]


@pytest.mark.parametrize("waits", [False, True])
async def test_nothing_is_sent_after_an_error_of_the_framework(
    outlet: RecordingOutlet, channel: AwaitableChannel, waits: bool
) -> None:
    outlet.error = OSError("gone")
    if waits:
        outlet.gate.clear()

    channel.write([text("4a"), text("4b")])
    await settled()
    outlet.gate.set()
    await settled()
    outlet.error = None
    channel.write([text("4c")])
    channel.close(1000)
    await settled()

    assert outlet.taken == []
    assert (channel.buffered, channel.unsent) == (0, 3)
