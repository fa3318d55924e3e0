"""An engine with one open session, for the tests of what surrounds it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine_support import Options, RecordingChannel

from engineio._core.engine import Engine
from engineio._core.message import Message

if TYPE_CHECKING:
    from engineio._core.session import Session, Transport


def make_engine(**options: object) -> Engine:
    """An engine that is flushed by hand."""
    return Engine(Options(**options), lambda: None)  # type: ignore[arg-type]


def open_session(
    engine: Engine, transport: Transport = "websocket", sid: str = "sid", now: float = 0
) -> tuple[Session, RecordingChannel]:
    """A session whose handshake has left."""
    session = engine.create(sid, transport)
    channel = RecordingChannel()
    engine.attach(session, channel)
    engine.accept(session, now)
    engine.flush(now)
    channel.written.clear()
    return session, channel


def text(data: str) -> Message:
    return Message(data.encode())


async def settled() -> None:
    """Let everything that need not wait run to its end."""
    for _ in range(10):
        await asyncio.sleep(0)
