"""An Engine.IO server that client tests talk to; the twin of ../js/engine_peer.mjs.

    python engine_app.py PORT OPTIONS

OPTIONS is a JSON object: ``ping_interval``, ``ping_timeout``, ``max_payload``, and ``certfile``
and ``keyfile`` for TLS.  It prints "PORT <n>" once it accepts connections (0 lets the system
choose).
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import uvicorn

import engineio

options = json.loads(sys.argv[2])
eio = engineio.AsyncServer(
    async_mode="asgi",
    ping_interval=options.get("ping_interval", 25),
    ping_timeout=options.get("ping_timeout", 5),
    max_http_buffer_size=options.get("max_payload", 1_000_000),
    async_handlers=False,
)
reasons: list[str] = []


async def command_bye(sid: str, _argument: str) -> None:
    await eio.disconnect(sid)


async def command_burst(sid: str, argument: str) -> None:
    for number in range(int(argument)):
        await eio.send(sid, f"burst {number}")


async def command_later(sid: str, argument: str) -> None:
    async def later() -> None:
        await asyncio.sleep(float(argument))
        await eio.send(sid, "here")

    eio.start_background_task(later)


async def command_reasons(sid: str, _argument: str) -> None:
    await eio.send(sid, reasons)


@eio.on("message")
async def message(sid: str, data: object) -> None:
    name, _, argument = data.partition(" ") if isinstance(data, str) else ("", "", "")
    command = globals().get(f"command_{name}")
    if command is None:
        await eio.send(sid, data)
    else:
        await command(sid, argument)


@eio.on("disconnect")
def disconnect(_sid: str, reason: str) -> None:
    reasons.append(reason)


async def main() -> None:
    # asyncio sets TCP_NODELAY only on sockets that name their protocol
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    config = uvicorn.Config(
        engineio.ASGIApp(eio),
        log_level="warning",
        lifespan="off",
        ssl_certfile=options.get("certfile"),
        ssl_keyfile=options.get("keyfile"),
    )
    print("PORT", listener.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


asyncio.run(main())
