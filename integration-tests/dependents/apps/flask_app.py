"""What the documentation of Flask-SocketIO shows.

``python flask_app.py PORT MODE`` serves it, with a third argument as one of the servers that share
this message queue.
"""

from __future__ import annotations

import sys
from typing import Any

if len(sys.argv) > 3 and sys.argv[2] == "gevent":
    from gevent import monkey

    monkey.patch_all()

from flask import Flask, request, session
from flask_socketio import (
    ConnectionRefusedError,
    Namespace,
    SocketIO,
    call,
    close_room,
    disconnect,
    emit,
    join_room,
    leave_room,
    rooms,
    send,
)

app = Flask(__name__)
app.config["SECRET_KEY"] = "only for the tests"
socketio = SocketIO(async_mode=sys.argv[2] if len(sys.argv) > 2 else "threading")
log: list[str] = []


@app.get("/login/<name>")
def login(name: str) -> str:
    session["name"] = name
    return name


@app.get("/announce/<text>")
def announce(text: str) -> dict[str, str]:
    socketio.emit("announcement", text)
    return {"announced": text}


@app.get("/stop")
def stop() -> dict[str, str]:
    socketio.stop()
    return {}


@socketio.on("connect")
def connected(auth: Any) -> None:
    if auth == {"token": "wrong"}:
        raise ConnectionRefusedError("wrong token")
    about = {"name": session.get("name"), "color": request.args.get("color")}
    emit("welcome", {"sid": request.sid, **about})


@socketio.on("disconnect")
def disconnected(reason: str) -> None:
    log.append(reason)
    emit("left", {"sid": request.sid, "reason": reason}, to="observers")


@socketio.on("message")
def handle_message(data: str) -> None:
    send(data.upper())


@socketio.on("json")
def handle_json(data: Any) -> None:
    send(data, json=True, broadcast=True)


@socketio.on("several")
def handle_several(*args: Any) -> tuple[Any, ...]:
    return args[::-1]


@socketio.event
def binary(data: bytes) -> None:
    emit("binary", {"got": [data, data[::-1]]})


@socketio.on("join")
def join(room: str) -> list[str]:
    join_room(room)
    emit("joined", room, to=room, include_self=False)
    return sorted(rooms(), key=lambda room: room == request.sid)


@socketio.on("leave")
def leave(room: str) -> None:
    leave_room(room)


@socketio.on("close")
def close(room: str) -> None:
    emit("closed", room, to=room)
    close_room(room)


@socketio.on("count")
def count() -> int:
    session["count"] = session.get("count", 0) + 1
    return int(session["count"])


@socketio.on("confirm")
def confirm() -> None:
    emit("question", callback=lambda answer: emit("answered", answer))


@socketio.on("inquire")
def inquire() -> Any:
    return {"answer": call("question", timeout=5)}


@socketio.on("others")
def others(text: str, *sids: str) -> None:
    emit("to all others", text, broadcast=True, include_self=False)
    socketio.emit("to all but some", text, skip_sid=[request.sid, *sids])
    emit("to all but one", text, broadcast=True, skip_sid=request.sid)


def registered(data: Any) -> Any:
    return {"registered": data}


socketio.on_event("registered", registered)
socketio.on_event("registered", registered, namespace="/functions")


@socketio.on("background")
def background(steps: int) -> None:
    sid = request.sid

    def work() -> None:
        for step in range(steps):
            socketio.sleep(0)
            socketio.emit("progress", step, to=sid)

    socketio.start_background_task(work)


@socketio.on("leave_me_alone")
def leave_me_alone() -> None:
    disconnect()


@socketio.on("fail")
def fail() -> None:
    raise LookupError("on purpose")


@socketio.on_error()
def failed(error: Exception) -> None:
    emit("failed", f"{type(error).__name__} in {request.event['message']}")


@socketio.on_error_default
def failed_elsewhere(error: Exception) -> None:
    emit("failed", f"{type(error).__name__} in {request.namespace}")


@socketio.on("fail", namespace="/functions")
def fail_elsewhere() -> None:
    raise LookupError("on purpose")


@socketio.on("connect", namespace="/functions")
def connected_to_functions() -> None:
    about = {"color": request.args.get("color"), "header": request.headers.get("X-Color")}
    emit("about", about)


@socketio.on("ping", namespace="/functions")
def ping(data: Any) -> tuple[str, Any]:
    return request.namespace, data


class Classes(Namespace):
    def on_connect(self) -> None:
        emit("hello", "from a class")

    def on_disconnect(self, reason: str) -> None:
        log.append(f"class: {reason}")

    def on_double(self, number: int) -> int:
        return 2 * number

    def on_shout(self, text: str) -> None:
        self.emit("shouted", text)


socketio.on_namespace(Classes("/classes"))
socketio.init_app(app, message_queue=sys.argv[3] if len(sys.argv) > 3 else None)

if __name__ == "__main__":
    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), allow_unsafe_werkzeug=True)
