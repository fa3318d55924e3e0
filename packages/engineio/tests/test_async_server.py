"""Handlers of an asyncio server against the ends of their connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from engine_support import RecordingChannel

import engineio

if TYPE_CHECKING:
    from engineio._core.session import Session, Transport

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


def connect(eio: engineio.AsyncServer, transport: Transport = "websocket") -> Session:
    session = eio.engine.create("sid", transport)
    eio.engine.attach(session, RecordingChannel())
    eio.engine.accept(session, eio.clock())
    return session


async def test_a_handler_may_outlive_its_connection() -> None:
    eio = engineio.AsyncServer(async_mode="asgi")
    running: list[asyncio.Task[Any] | None] = []
    go_on = asyncio.Event()

    @eio.on("message")
    async def message(sid: str, data: str) -> None:
        running.append(asyncio.current_task())
        await go_on.wait()

    session = connect(eio)
    assert eio._received(session, "hello") is None
    await asyncio.sleep(0)
    await eio.disconnect("sid")
    go_on.set()
    (task,) = running
    assert task is not None
    await asyncio.wait({task})

    assert task.exception() is None


@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_disconnect_handler_may_disconnect(transport: Transport, everybody: bool) -> None:
    eio = engineio.AsyncServer(async_mode="asgi")
    told: list[str] = []

    @eio.on("disconnect")
    async def disconnect(sid: str, reason: str) -> None:
        await eio.disconnect(None if everybody else sid)
        told.append(reason)

    connect(eio, transport)
    await asyncio.wait_for(eio.disconnect("sid"), SOON)

    assert told == ["server disconnect"]
    assert eio.sockets == {}
