from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine_support import RecordingChannel

from engineio._core.channel import Channel
from engineio._shell.awaitable_channel import AwaitableChannel
from engineio._shell.poll_channel import PollChannel
from engineio._shell.traced import TracedChannel

if TYPE_CHECKING:

    def _all_are_channels(
        recording: RecordingChannel,
        awaitable: AwaitableChannel,
        poll: PollChannel,
        traced: TracedChannel,
    ) -> list[Channel]:
        return [recording, awaitable, poll, traced]


@pytest.mark.parametrize(
    "kind",
    [RecordingChannel, AwaitableChannel, PollChannel, TracedChannel],
    ids=lambda k: k.__name__,
)
def test_every_kind_has_what_the_engine_calls(kind: type) -> None:
    names = {name for name in vars(Channel) if not name.startswith("_")}

    assert names == {"write", "close", "abort", "buffered", "unsent"}
    assert names - {"buffered", "unsent"} <= set(dir(kind))
