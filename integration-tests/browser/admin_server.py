"""One server of the cluster that the Admin UI is shown: ``python admin_server.py REDIS_URL PAGE``.

It serves the page itself too, from the folder PAGE.
"""

from __future__ import annotations

import sys
from typing import Any

import socketio

redis_url, page = sys.argv[1:3]
sio = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(redis_url),
    cors_allowed_origins="*",
)
sio.instrument(auth={"username": "admin", "password": "changeit"}, server_stats_interval=1)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    await sio.enter_room(sid, "lobby")


@sio.event
async def say(sid: str, text: str) -> None:
    await sio.emit("said", text, to="lobby")


if __name__ == "__main__":
    app = socketio.ASGIApp(sio, static_files={"/": page})
    socketio.run(app, host="127.0.0.1", port=0)
