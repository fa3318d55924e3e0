"""A Socket.IO server that the client tests talk to; runs on this project and on upstream alike.

    python app.py PORT SERIALIZER

It prints ``PORT <n>`` once it accepts connections (0 lets the system choose).
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn

import socketio

sio = socketio.AsyncServer(
    async_mode="asgi",
    serializer=sys.argv[2],
    namespaces=["/", "/chat", "/guarded"],
    ping_interval=float(sys.argv[3]) if len(sys.argv) > 3 else 25,
    ping_timeout=5,
)
REFUSALS = {
    "plain": (),
    "message": ("no entry",),
    "data": ("no entry", {"code": 7}),
    "many": ("no entry", 1, 2),
}
auths = {}


def register(namespace):
    @sio.on("connect", namespace=namespace)
    async def connect(sid, environ, auth=None):
        auths[sid] = auth
        if isinstance(auth, dict) and auth.get("refuse") == "false":
            return False
        if isinstance(auth, dict) and auth.get("refuse") in REFUSALS:
            raise socketio.exceptions.ConnectionRefusedError(*REFUSALS[auth["refuse"]])
        if namespace == "/guarded":
            raise socketio.exceptions.ConnectionRefusedError("guarded")
        if isinstance(auth, dict) and auth.get("slow") == namespace:
            if "seconds" in auth:
                await asyncio.sleep(auth["seconds"])
            else:
                await asyncio.Event().wait()
        return None

    @sio.on("who", namespace=namespace)
    async def who(sid):
        environ = sio.get_environ(sid, namespace)
        return {"sid": sid, "auth": auths[sid], "header": environ.get("HTTP_X_TEST")}

    @sio.on("echo", namespace=namespace)
    async def echo(sid, *args):
        return args

    @sio.on("nothing", namespace=namespace)
    async def nothing(sid, *args):
        return None

    @sio.on("bounce", namespace=namespace)
    async def bounce(sid, name, *args):
        await sio.emit(name, args, to=sid, namespace=namespace)

    @sio.on("shout", namespace=namespace)
    async def shout(sid, name, *args):
        await sio.emit(name, args, namespace=namespace)

    @sio.on("ask", namespace=namespace)
    async def ask(sid, name, *args):
        return [await sio.call(name, args, to=sid, namespace=namespace, timeout=5)]

    @sio.on("silence", namespace=namespace)
    async def silence(sid):
        await asyncio.Event().wait()

    @sio.on("kick", namespace=namespace)
    async def kick(sid):
        await sio.disconnect(sid, namespace=namespace)

    @sio.on("close", namespace=namespace)
    async def close(sid):
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, namespace))


for name in ("/", "/chat", "/guarded"):
    register(name)


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("PORT", self.servers[0].sockets[0].getsockname()[1], flush=True)


if __name__ == "__main__":
    Server(
        uvicorn.Config(
            socketio.ASGIApp(sio),
            host="127.0.0.1",
            port=int(sys.argv[1]),
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    ).run()
