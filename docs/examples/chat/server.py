"""A chat with nicknames, rooms, typing notices, pictures and a member list.

The page is ``static/index.html``; README.md documents the events, for clients of other kinds.
All state is in memory, bounded by the limits below, and gone when the process ends.
"""

from __future__ import annotations

import functools
import itertools
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import socketio
from socketio.exceptions import ConnectionRefusedError

HERE = Path(__file__).resolve().parent
NODE_FOLDERS = (HERE, HERE.parents[2] / "integration-tests" / "js")  # `make run` fills the second
CLIENTS = [folder / "node_modules" / "socket.io-client" / "dist" for folder in NODE_FOLDERS]
JAVASCRIPT_CLIENT = next((folder for folder in CLIENTS if folder.is_dir()), CLIENTS[0])

MAX_PEOPLE = 200
MAX_ROOMS = 10  # that one person is in
MAX_NAME = 24  # characters, of nicknames and rooms
MAX_TEXT = 2_000  # characters
MAX_PICTURE = 500_000  # bytes
HISTORY = 50  # texts kept in a room as long as somebody is there
PICTURE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")  # RIFF: WebP

Answer = dict[str, Any]
Handler = Callable[[str, Any], Awaitable[Answer]]


class Invalid(Exception):
    """What the client asked for cannot be done; the message is for its user."""


@dataclass(slots=True)
class Person:
    name: str
    away: bool = False
    rooms: set[str] = field(default_factory=set)


sio = socketio.AsyncServer(async_mode="asgi")
people: dict[str, Person] = {}  # by sid
history: dict[str, deque[Answer]] = {}  # by room
message_ids = itertools.count(1)


def answering(handler: Handler) -> Callable[..., Awaitable[Answer]]:
    """Acknowledge each event with ``{"ok": True, ...}`` or ``{"ok": False, "error": "..."}``."""

    @functools.wraps(handler)
    async def answer(sid: str, data: Any = None, *_: Any) -> Answer:
        try:
            return {"ok": True} | await handler(sid, data)
        except Invalid as problem:
            return {"ok": False, "error": str(problem)}

    return answer


def text(data: Any, key: str, limit: int = MAX_NAME) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, str) or not 0 < len(value := value.strip()) <= limit:
        raise Invalid(f"{key} must be a text of 1 to {limit} characters")
    if limit == MAX_NAME and not value.isprintable():
        raise Invalid(f"{key} must be a single line")
    return value


def own_room(sid: str, data: Any) -> str:
    if (room := text(data, "room")) not in people[sid].rooms:
        raise Invalid(f"you are not in {room}")
    return room


async def announce(*changed: str) -> None:
    """Tell these rooms who is there now, and everybody which rooms there are."""
    for room in changed:
        members = [
            {"id": sid, "name": person.name, "away": person.away}
            for sid, person in people.items()
            if room in person.rooms
        ]
        await sio.emit("members", {"room": room, "members": members}, to=room)
    in_use = Counter(room for person in people.values() for room in person.rooms)
    for room in history.keys() - in_use.keys():
        del history[room]
    await sio.emit("rooms", dict(in_use))


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    if len(people) >= MAX_PEOPLE:
        raise ConnectionRefusedError("the chat is full")
    try:
        name = text(auth, "name")
    except Invalid as problem:
        raise ConnectionRefusedError(str(problem)) from None
    taken = {person.name.casefold() for person in people.values()}
    numbered = (f"{name} {number}" for number in itertools.count(2))
    while name.casefold() in taken:
        name = next(numbered)
    people[sid] = Person(name)
    await sio.emit("welcome", {"name": name}, to=sid)
    await announce()


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    await announce(*people.pop(sid).rooms)


@sio.event
@answering
async def join(sid: str, data: Any) -> Answer:
    room, rooms = text(data, "room"), people[sid].rooms
    if len(rooms | {room}) > MAX_ROOMS:
        raise Invalid(f"{MAX_ROOMS} rooms at a time are the limit: leave one first")
    rooms.add(room)
    past = history.setdefault(room, deque(maxlen=HISTORY))
    await sio.enter_room(sid, room)
    await announce(room)
    return {"room": room, "history": list(past)}


@sio.event
@answering
async def leave(sid: str, data: Any) -> Answer:
    room = own_room(sid, data)
    people[sid].rooms.discard(room)
    await sio.leave_room(sid, room)
    await announce(room)
    return {"room": room}


@sio.event
@answering
async def message(sid: str, data: Any) -> Answer:
    """Pass on a text or a picture, and tell its author of each member that has received it."""
    if isinstance(data, str):  # typed in a terminal: for the room that its author is in
        data = {"room": next(iter(people[sid].rooms), None), "text": data}
    room = own_room(sid, data)
    entry = {"id": next(message_ids), "room": room, "name": people[sid].name}
    entry["at"] = int(time.time() * 1000)
    picture = data.get("picture")
    if picture is None:
        entry["text"] = text(data, "text", MAX_TEXT)
        history[room].append(entry)
    elif not isinstance(picture, bytes) or not picture.startswith(PICTURE_STARTS):
        raise Invalid("a picture must be the content of a PNG, JPEG, GIF or WebP file")
    elif len(picture) > MAX_PICTURE:
        raise Invalid(f"a picture may have {MAX_PICTURE // 1000} kB at most")
    else:
        entry["picture"] = picture

    async def received(*_: Any) -> None:
        await sio.emit("received", {"room": room, "id": entry["id"]}, to=sid)

    others = sum(room in person.rooms for person in people.values()) - 1
    await sio.emit("message", entry, to=room, skip_sid=sid, callback=received)
    return {"id": entry["id"], "at": entry["at"], "others": others}


@sio.event
@answering
async def typing(sid: str, data: Any) -> Answer:
    room = own_room(sid, data)
    await sio.emit("typing", {"room": room, "name": people[sid].name}, to=room, skip_sid=sid)
    return {}


@sio.event
@answering
async def away(sid: str, data: Any) -> Answer:
    people[sid].away = data is True
    await announce(*people[sid].rooms)
    return {}


app = socketio.ASGIApp(
    sio,
    static_files={
        "/": str(HERE / "static" / "index.html"),
        "/static": str(HERE / "static"),
        "/client": str(JAVASCRIPT_CLIENT),
    },
)

if __name__ == "__main__":
    if not JAVASCRIPT_CLIENT.is_dir():
        sys.exit(
            f"The page needs the JavaScript client: npm --prefix {HERE} install socket.io-client"
        )
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    socketio.run(app, host="127.0.0.1", port=port)
