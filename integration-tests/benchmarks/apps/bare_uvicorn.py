"""uvicorn alone, answering the benchmark's frames without any framework: ``bare_uvicorn.py PORT``.

What it costs is the floor of every ASGI server.  Replies are cut out of the request text; no JSON
is read, no session or room is kept, and a polling client's ack waits in a queue of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

everybody: set[Send] = set()
outboxes: dict[str, asyncio.Queue[str]] = {}
sids = (f"{number:020d}" for number in itertools.count())


def handshake() -> tuple[str, str]:
    """Return a new session id and its OPEN packet."""
    sid = next(sids)
    return sid, f'0{{"sid":"{sid}","upgrades":[],"pingTimeout":20000,"pingInterval":25000}}'


def ack(text: str) -> str:
    """Turn ``42<id>["echo",<data>]`` into ``43<id>[<data>]``."""
    return "43" + text[2 : text.index("[") + 1] + text[text.index(",") + 1 :]


async def websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    sid, opening = handshake()
    await send({"type": "websocket.send", "text": opening})
    everybody.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            text: str = event["text"]
            if text.startswith('42["ping_back"'):
                answer = '42["pong_back"' + text[14:]
                await send({"type": "websocket.send", "text": answer})
            elif text.startswith('42["fan"'):
                news = {"type": "websocket.send", "text": '42["news"' + text[8:]}
                for deliver in tuple(everybody):
                    await deliver(news)
            elif text == "40":
                await send({"type": "websocket.send", "text": f'40{{"sid":"{sid}"}}'})
            elif text.startswith("42"):
                await send({"type": "websocket.send", "text": ack(text)})
    finally:
        everybody.discard(send)


async def http(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    _, _, sid = scope["query_string"].decode().partition("sid=")
    if scope["method"] == "POST":
        text = (await receive())["body"].decode()
        outboxes[sid].put_nowait(f'40{{"sid":"{sid}"}}' if text == "40" else ack(text))
        answer = "ok"
    elif sid:
        answer = await outboxes[sid].get()
    else:
        sid, answer = handshake()
        outboxes[sid] = asyncio.Queue()
    length = b"%d" % len(answer)
    headers = [(b"content-type", b"text/plain"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.encode()})


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await websocket(receive, send)
    else:
        await http(scope, receive, send)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="critical",
        access_log=False,
    )
