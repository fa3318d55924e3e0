"""Sessions that Flask itself manages: requests and events have the same one."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, session
from flask.sessions import SessionInterface, SessionMixin
from flask_socketio import SocketIO


class Stored(dict[str, Any], SessionMixin):
    """A session that is kept in this process."""


class Store(SessionInterface):
    """What Flask-Session does, in a few lines."""

    def __init__(self) -> None:
        self.sessions: dict[str, Stored] = {}

    def open_session(self, app: Flask, request: Any) -> Stored:
        key = request.cookies.get("key") or secrets.token_hex()
        found = self.sessions.setdefault(key, Stored())
        found["key"] = key
        return found

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        response.set_cookie("key", session["key"])


app = Flask(__name__)
app.session_interface = Store()
socketio = SocketIO(app, manage_session=False, async_mode="threading")


@app.get("/count")
def count() -> str:
    return str(handle_count())


@socketio.on("count")
def handle_count() -> int:
    session["count"] = session.get("count", 0) + 1
    return int(session["count"])
