from __future__ import annotations

import pytest

from engineio._core.message import NOOP, PING
from engineio._shell.poll_channel import PollChannel


async def test_the_first_write_is_the_answer() -> None:
    channel = PollChannel()
    assert not channel.answer.done()

    channel.write([PING])
    channel.write([NOOP])
    channel.close(1000)
    channel.abort()

    assert await channel.answer == [PING]


@pytest.mark.parametrize("end", [lambda channel: channel.close(1000), PollChannel.abort])
async def test_an_end_without_a_last_word_is_none(end) -> None:
    channel = PollChannel()

    end(channel)
    channel.write([PING])

    assert await channel.answer is None


async def test_a_get_that_was_given_up_can_still_be_answered() -> None:
    channel = PollChannel()
    channel.answer.cancel()

    channel.write([PING])
    channel.abort()

    assert channel.answer.cancelled()


async def test_nothing_is_ever_buffered() -> None:
    channel = PollChannel()

    channel.write([PING])

    assert (channel.buffered, channel.unsent) == (0, 0)
