"""A page that starts slow work in a Celery worker and shows how far it is.

The server knows nothing of the work: the worker emits to the room of the job, through Redis.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import Any

from tasks import REDIS_URL, bake

import socketio

HERE = Path(__file__).resolve().parent
NODE_FOLDERS = (HERE, HERE.parents[2] / "integration-tests" / "js")
CLIENTS = [folder / "node_modules" / "socket.io-client" / "dist" for folder in NODE_FOLDERS]
JAVASCRIPT_CLIENT = next((folder for folder in CLIENTS if folder.is_dir()), CLIENTS[0])

MAX_CAKES = 100

sio = socketio.AsyncServer(async_mode="asgi", client_manager=socketio.AsyncRedisManager(REDIS_URL))


@sio.event
async def start(sid: str, cakes: Any = 10, seconds: Any = 0.5) -> str | None:
    """Give the work to a worker and return the name of the job; ``None`` for nonsense."""
    if type(cakes) is not int or not 0 < cakes <= MAX_CAKES:
        return None
    if type(seconds) not in (int, float) or not 0 <= seconds <= 1:
        return None
    job = uuid.uuid4().hex
    await sio.enter_room(sid, job)
    await asyncio.to_thread(bake.delay, job, cakes, seconds)  # Celery's client blocks
    return job


@sio.event
async def follow(sid: str, job: Any) -> None:
    """Show a client a job that it started before it lost its connection."""
    if isinstance(job, str) and len(job) == 32:
        await sio.enter_room(sid, job)


app = socketio.ASGIApp(
    sio,
    static_files={"/": str(HERE / "static" / "index.html"), "/client": str(JAVASCRIPT_CLIENT)},
)

if __name__ == "__main__":
    if not JAVASCRIPT_CLIENT.is_dir():
        sys.exit(
            f"The page needs the JavaScript client: npm --prefix {HERE} install socket.io-client"
        )
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    socketio.run(app, host="127.0.0.1", port=port)
