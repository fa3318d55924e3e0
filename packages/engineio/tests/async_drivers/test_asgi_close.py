"""How WebSockets are closed under ASGI servers that are particular about it."""

from __future__ import annotations

import asyncio
from typing import Any

from asgi_support import WebSocket

import engineio


class OneAtATime(WebSocket):
    """As granian: while the application waits for an event, it cannot close."""

    async def serve(self, app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
        self._lock = asyncio.Lock()
        take = self._events.get

        async def receive() -> dict[str, Any]:
            async with self._lock:
                return await take()

        self._events.get = receive  # type: ignore[method-assign]
        return await super().serve(app, scope)

    async def send(self, event: dict[str, Any]) -> None:
        if event["type"] != "websocket.close":
            await super().send(event)
            return
        async with self._lock:
            await super().send(event)
            self.push({"type": "websocket.disconnect", "code": 1005})


class FewCodes(WebSocket):
    """As daphne: the codes that RFC 6455 has a meaning for are its own, but 1000."""

    async def send(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.close" and event["code"] != 1000:
            raise Exception("invalid close code")
        await super().send(event)


def make_server() -> engineio.AsyncServer:
    """A server that echoes, and leaves when it is told to."""
    eio = engineio.AsyncServer(async_mode="asgi", async_handlers=False)

    async def message(sid: str, data: Any) -> None:
        if data == "leave":
            await eio.disconnect(sid)
        else:
            await eio.send(sid, data)

    eio.on("message", message)
    return eio


async def test_a_websocket_is_closed_although_an_event_is_waited_for() -> None:
    eio = make_server()
    async with OneAtATime(engineio.ASGIApp(eio)) as websocket:
        await websocket.until(lambda: len(websocket.sent) == 2)
        await eio.disconnect()
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")

    assert [event.get("text") for event in websocket.sent[2:-1]] == ["1"]
    assert websocket.sent[-1]["code"] == 1000


async def test_a_handler_may_close_its_websocket() -> None:
    async with OneAtATime(engineio.ASGIApp(make_server())) as websocket:
        websocket.put("4leave")
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")

    assert websocket.sent[-1]["code"] == 1000


async def test_what_is_queued_leaves_before_the_close() -> None:
    eio = make_server()
    async with OneAtATime(engineio.ASGIApp(eio)) as websocket:
        await websocket.until(lambda: len(websocket.sent) == 2)
        (sid,) = eio.sockets
        for number in range(3):
            await eio.send(sid, str(number))
        await eio.disconnect()
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")

    assert websocket.texts()[1:] == ["40", "41", "42", "1"]


async def test_frames_after_the_close_are_dropped() -> None:
    eio = make_server()
    async with WebSocket(engineio.ASGIApp(eio)) as websocket:
        websocket.put("garbage")
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")
        websocket.put("4ignored")

    assert websocket.sent[-1]["code"] == 1002


async def test_a_close_code_that_the_server_refuses_becomes_1000() -> None:
    async with FewCodes(engineio.ASGIApp(make_server())) as websocket:
        websocket.put("garbage")
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")

    assert websocket.sent[-1]["code"] == 1000


async def test_a_websocket_whose_peer_does_not_answer_the_close_is_left() -> None:
    eio = make_server()
    async with WebSocket(engineio.ASGIApp(eio)) as websocket:
        websocket.put("garbage")
        await websocket.until(lambda: websocket.sent[-1]["type"] == "websocket.close")
        await eio.stop()
        eio._cut()
        await asyncio.wait_for(asyncio.shield(websocket._serving), 5)
