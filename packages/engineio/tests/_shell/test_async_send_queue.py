"""The queue between those who send and the one who writes."""

from __future__ import annotations

import asyncio

from engineio._core.client_session import ClientSession
from engineio._core.message import MESSAGE_OVERHEAD, Message
from engineio._core.reason import Reason
from engineio._shell.async_send_queue import AsyncSendQueue

OPEN = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
A, B = Message(b"4a"), Message(b"4b")


def open_queue(max_buffered: int | None = None) -> tuple[ClientSession, AsyncSendQueue]:
    session = ClientSession("websocket", max_buffered)
    session.opened(OPEN, 0)
    return session, AsyncSendQueue(session)


async def settled() -> None:
    """Let every other task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_put_wakes_the_writer():
    session, queue = open_queue()
    waiting = asyncio.ensure_future(queue.wait())
    await settled()
    assert queue.empty()
    assert not waiting.done()

    await queue.put([A, B])

    assert await waiting
    assert queue.qsize() == 2
    assert session.take() == [A, B]


async def test_units_are_not_interleaved():
    session, queue = open_queue()

    await asyncio.gather(*[queue.put([A, B]) for _ in range(20)])

    assert session.take() == [A, B] * 20


async def test_a_sender_waits_for_room():
    session, queue = open_queue(max_buffered=MESSAGE_OVERHEAD)
    await queue.put([A])
    waiting = asyncio.ensure_future(queue.put([B]))
    await settled()
    assert not waiting.done()

    assert session.take() == [A]
    await queue.sent()
    await waiting

    assert session.take() == [B]


async def test_a_waiting_sender_gives_up_when_the_session_ends():
    session, queue = open_queue(max_buffered=1)
    await queue.put([A])
    waiting = asyncio.ensure_future(queue.put([B]))
    await settled()

    await queue.end()
    await waiting

    assert [message.text for message in session.take()] == ["4a", "1"]


async def test_the_writer_ends_with_the_session():
    session, queue = open_queue()
    waiting = asyncio.ensure_future(queue.wait())
    await settled()

    session.close(Reason.TRANSPORT_ERROR)
    await queue.wake()

    assert await waiting is False


async def test_join_waits_until_everything_has_left():
    session, queue = open_queue()
    assert await queue.join()
    await queue.put([A])
    joining = asyncio.ensure_future(queue.join())
    await settled()
    session.take()
    await settled()
    assert not joining.done()

    await queue.sent()

    assert await joining


async def test_join_gives_up_after_its_timeout():
    _, queue = open_queue()
    await queue.put([A])

    assert await queue.join(0.01) is False
