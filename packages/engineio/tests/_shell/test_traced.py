from __future__ import annotations

import logging

import pytest
from engine_support import RecordingChannel

from engineio._core.message import NOOP, Message
from engineio._shell.logs import LOGGED_DATA
from engineio._shell.traced import DeferredTrace, TracedChannel

LOGGER = logging.getLogger("tests.traced")


@pytest.fixture
def traced(caplog: pytest.LogCaptureFixture) -> tuple[TracedChannel, RecordingChannel]:
    caplog.set_level(logging.INFO, LOGGER.name)
    behind = RecordingChannel()
    return TracedChannel(behind, "sid", LOGGER), behind


def test_messages_are_logged_and_handed_on(
    traced: tuple[TracedChannel, RecordingChannel], caplog: pytest.LogCaptureFixture
) -> None:
    channel, behind = traced

    channel.write([Message("4h\u00e4".encode()), NOOP, Message(b"\x00\xff", binary=True)])

    assert behind.written == ["4h\u00e4".encode(), b"6", b"bAP8="]
    assert [record.getMessage() for record in caplog.records] == [
        "sid: Sending packet MESSAGE data h\u00e4",
        "sid: Sending packet NOOP data ",
        "sid: Sending packet MESSAGE data <2 bytes>",
    ]
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def test_a_message_is_logged_on_one_line_and_not_at_any_length(
    traced: tuple[TracedChannel, RecordingChannel], caplog: pytest.LogCaptureFixture
) -> None:
    channel, _ = traced

    channel.write([Message(b"4one\nline"), Message(b"4" + b"x" * 100_000)])

    short, long = [record.getMessage() for record in caplog.records]
    assert short == "sid: Sending packet MESSAGE data one\\nline"
    assert long.endswith("x" * LOGGED_DATA)
    assert len(long) < LOGGED_DATA + 100


def test_the_end_is_handed_on(traced: tuple[TracedChannel, RecordingChannel]) -> None:
    channel, behind = traced

    channel.close(1002)
    channel.abort()

    assert (behind.closed, behind.aborted) == (1002, True)


def test_what_is_buffered_is_buffered_behind(
    traced: tuple[TracedChannel, RecordingChannel],
) -> None:
    channel, behind = traced

    behind.buffered = 7
    behind.unsent = 2

    assert (channel.buffered, channel.unsent) == (7, 2)


def test_a_trace_can_be_put_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    behind = RecordingChannel()
    ready: list[DeferredTrace] = []
    channel = DeferredTrace(behind, "sid", LOGGER, ready.append)

    channel.write([Message(b"4a"), Message(b"4b")])
    channel.write([Message(b"4c")])
    assert (behind.written, caplog.records) == ([b"4a", b"4b", b"4c"], [])
    for each in ready:
        each.pump()

    assert [record.getMessage()[-1] for record in caplog.records] == ["a", "b", "c"]
