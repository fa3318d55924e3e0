"""One of several equal servers: what a client of one says, the clients of all can read.

python server.py 8001
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import socketio

HERE = Path(__file__).resolve().parent
NODE_FOLDERS = (HERE, HERE.parents[2] / "integration-tests" / "js")
CLIENTS = [folder / "node_modules" / "socket.io-client" / "dist" for folder in NODE_FOLDERS]
JAVASCRIPT_CLIENT = next((folder for folder in CLIENTS if folder.is_dir()), CLIENTS[0])

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
MAX_TEXT = 200  # characters

port = int(sys.argv[1])
sio = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(REDIS_URL),
)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    await sio.emit("welcome", {"server": port}, to=sid)


@sio.event
async def say(sid: str, text: Any) -> bool:
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT:
        return False
    await sio.emit("said", {"server": port, "text": text})
    return True


app = socketio.ASGIApp(
    sio,
    static_files={"/": str(HERE / "static" / "index.html"), "/client": str(JAVASCRIPT_CLIENT)},
)

if __name__ == "__main__":
    socketio.run(app, host="127.0.0.1", port=port)
