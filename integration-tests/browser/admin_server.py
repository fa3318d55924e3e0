"""A server that the Admin UI is shown, and the page itself: ``python admin_server.py --help``."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

import socketio

parser = argparse.ArgumentParser()
parser.add_argument("page", help="folder of the page")
parser.add_argument("--threads", action="store_true", help="a server of threads, on werkzeug")
parser.add_argument("--redis", help="URL of the Redis of a cluster")
parser.add_argument("--server-id")
parser.add_argument("--mode", default="development")
parser.add_argument("--read-only", action="store_true")


def instrument(sio: Any, args: argparse.Namespace) -> None:
    sio.instrument(
        auth={"username": "admin", "password": "changeit"},
        mode=args.mode,
        read_only=args.read_only,
        server_id=args.server_id,
        server_stats_interval=1,
    )


def run_asyncio(args: argparse.Namespace) -> None:
    manager = socketio.AsyncRedisManager(args.redis) if args.redis else None
    sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager, namespaces="*")
    instrument(sio, args)

    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.enter_room(sid, "lobby")

    @sio.event
    async def say(sid: str, text: str) -> str:
        await sio.emit("said", text, to="lobby")
        return "done"

    app = socketio.ASGIApp(sio, static_files={"/": args.page})
    socketio.run(app, host="127.0.0.1", port=0)


def run_threads(args: argparse.Namespace) -> None:
    from werkzeug.serving import make_server

    manager = socketio.RedisManager(args.redis) if args.redis else None
    sio = socketio.Server(async_mode="threading", client_manager=manager, namespaces="*")
    instrument(sio, args)

    @sio.event
    def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        sio.enter_room(sid, "lobby")

    @sio.event
    def say(sid: str, text: str) -> str:
        sio.emit("said", text, to="lobby")
        return "done"

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or the pipe would be full some time
    app = socketio.WSGIApp(sio, static_files={"/": args.page})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    args = parser.parse_args()
    (run_threads if args.threads else run_asyncio)(args)
