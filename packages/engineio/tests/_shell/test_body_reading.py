from __future__ import annotations

import asyncio

import pytest

from engineio._shell.body_reading import BodyReading
from engineio.exceptions import ProtocolError


class Post:
    """A task that reads a body."""

    def __init__(self) -> None:
        self.body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.reading: BodyReading | None = None
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> bytes:
        self.reading = BodyReading()
        return await self.reading.finish(self._body())

    async def _body(self) -> bytes:
        return await self.body

    async def cut(self) -> None:
        """Cut the reading once it waits."""
        await asyncio.sleep(0)
        assert self.reading is not None
        self.reading.cut()


async def test_a_body_that_comes_is_returned() -> None:
    post = Post()
    post.body.set_result(b"4hello")

    assert await post.task == b"4hello"


async def test_a_body_that_is_cut_is_not_waited_for() -> None:
    post = Post()
    await post.cut()

    with pytest.raises(ProtocolError):
        await post.task
    assert not post.task.cancelled()
    if hasattr(post.task, "cancelling"):
        assert not post.task.cancelling()


async def test_a_cancelled_request_is_not_answered() -> None:
    post = Post()
    await asyncio.sleep(0)

    post.task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await post.task


async def test_a_server_that_stops_ends_a_request_that_is_being_cut() -> None:
    post = Post()
    await post.cut()
    post.task.cancel()

    with pytest.raises((asyncio.CancelledError, ProtocolError)) as caught:
        await post.task
    if hasattr(post.task, "uncancel"):
        assert caught.type is asyncio.CancelledError


async def test_the_error_of_a_body_is_passed_on() -> None:
    post = Post()
    post.body.set_exception(ProtocolError("body too large", 413))

    with pytest.raises(ProtocolError, match="too large"):
        await post.task
