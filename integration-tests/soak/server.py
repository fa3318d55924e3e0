"""The server under load of the soak and of the slow-client test: ``python server.py PORT [PING]``.

It serves on ``socketio.run``, the fast path, and tells at ``/debug`` what it holds, as JSON.  PING
is the seconds between two heartbeats, and those that a client has to answer one.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

import socketio

PING = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=PING, ping_timeout=PING)
reasons: Counter[str] = Counter()


@sio.event
async def connect(sid, environ, auth):
    await sio.enter_room(sid, "everybody")


@sio.event
async def disconnect(sid, reason):
    reasons[reason] += 1


@sio.event
async def join(sid, room):
    await sio.enter_room(sid, room)
    return room


@sio.event
async def leave(sid, room):
    await sio.leave_room(sid, room)
    return room


@sio.event
async def echo(sid, data):
    return data


@sio.event
async def tell(sid, room, data):
    await sio.emit("told", data, to=room, skip_sid=sid)


@sio.event
async def ask_back(sid, data):
    return await sio.call("question", data, to=sid, timeout=10)


@sio.event
async def broadcast(sid, room, count, size):
    """Emit numbered binary messages to a room as fast as the server takes them."""
    filling = bytes(size - 8)
    for number in range(count):
        await sio.emit("news", number.to_bytes(8, "big") + filling, to=room)
    return count


def status() -> dict[str, Any]:
    gc.collect()
    with open("/proc/self/status") as file:
        memory = dict(line.split(":", 1) for line in file if line.startswith("Vm"))
    rooms = sio.manager.rooms
    return {
        "rss_kb": int(memory["VmRSS"].split()[0]),
        "peak_kb": int(memory["VmHWM"].split()[0]),
        "fds": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "sessions": len(sio.eio.sockets),
        "rooms": sum(len(names) for names in rooms.values()),
        "environs": len(sio.environ),
        "reasons": reasons,
        "counters": asdict(sio.eio.counters),
    }


async def debug(scope, receive, send):
    body = json.dumps(status()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    app = socketio.ASGIApp(sio, other_asgi_app=debug)
    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False)
