"""What a typed application does with both packages; checked in strict mode, never run."""

from __future__ import annotations

from typing import Any, TypedDict

import engineio
import socketio
from socketio.exceptions import ConnectionRefusedError, TimeoutError


class Move(TypedDict):
    x: int
    y: int


sio = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager("redis://localhost:6379/0"),
    cors_allowed_origins=["https://example.com"],
    ping_interval=(25, 5),
    max_http_buffer_size=1_000_000,
    transports=["websocket"],
)
app = socketio.ASGIApp(sio, static_files={"/": "index.html"})


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, str] | None) -> bool:
    if not auth:
        raise ConnectionRefusedError("who are you?", {"code": 7})
    await sio.save_session(sid, {"name": auth["name"]})
    await sio.enter_room(sid, "lobby")
    return True


@sio.on("move", namespace="/game")
async def move(sid: str, data: Move) -> tuple[int, int]:
    async with sio.session(sid, namespace="/game") as session:
        session["last"] = data
    await sio.emit("moved", data, to=["lobby", sid], skip_sid=sid, namespace="/game")
    return data["x"], data["y"]


@sio.on("*")
async def anything(event: str, sid: str, *args: Any) -> None:
    rooms: list[str] = sio.rooms(sid)
    transport: str = sio.transport(sid)
    environ = sio.get_environ(sid)
    await sio.send((event, rooms, transport, environ is None), to=sid, callback=print)


async def ask(sid: str) -> str:
    try:
        answer = await sio.call("question", b"?", to=sid, timeout=5)
    except TimeoutError:
        answer = None
    # what the decorator returns is the function
    point: tuple[int, int] = await move(sid, {"x": 1, "y": 2})
    return f"{answer} {point[0]}"


class Chat(socketio.AsyncNamespace):
    async def on_connect(self, sid: str, environ: dict[str, Any]) -> None:
        await self.enter_room(sid, "everybody")

    async def on_say(self, sid: str, text: str) -> None:
        session = await self.get_session(sid)
        await self.emit("said", {"by": session["name"], "text": text}, room="everybody")

    async def on_disconnect(self, sid: str, reason: str) -> None:
        if reason == self.server.reason.PING_TIMEOUT:
            await self.close_room("everybody")


sio.register_namespace(Chat("/chat"))


async def background(seconds: float) -> None:
    while True:
        await sio.sleep(seconds)
        await sio.emit("tick")


async def main() -> None:
    task = sio.start_background_task(background, 1.5)
    client = socketio.AsyncClient(reconnection_attempts=3, logger=True)

    @client.event
    async def said(data: dict[str, str]) -> None:
        print(data["text"])

    @client.on("connect_error", namespace="/chat")
    def failed(data: Any) -> None:
        print(data)

    await client.connect("http://localhost", auth={"name": "me"}, namespaces=["/chat"])
    await client.emit("say", "hello", namespace="/chat")
    sid: str | None = client.get_sid("/chat")
    values = await client.call("move", {"x": 1, "y": 2}, namespace="/game", timeout=3)
    print(sid, values, said, failed)
    await client.disconnect()

    async with socketio.AsyncSimpleClient() as simple:
        await simple.connect("http://localhost")
        await simple.emit("say", ("several", "arguments"))
        event, *arguments = await simple.receive(timeout=5)
        print(event, arguments, simple.sid, simple.transport)
    task.cancel()


# threads

server = socketio.Server(async_mode="threading", namespaces="*", logger=False)
wsgi = socketio.WSGIApp(server, static_files={"/static": "./public"})


@server.event
def disconnect(sid: str, reason: str) -> None:
    print(sid, reason)


@server.on("message")
def message(sid: str, data: str) -> str:
    with server.session(sid) as session:
        session["count"] = int(session.get("count", 0)) + 1
    server.emit("message", data, to="lobby", callback=lambda *values: print(values))
    return data.upper()


class Lobby(socketio.Namespace):
    def on_enter(self, sid: str, room: str) -> list[str]:
        self.enter_room(sid, room)
        rooms: list[str] = self.rooms(sid)
        return rooms


server.register_namespace(Lobby("/lobby"))


def threads() -> None:
    client = socketio.Client(http_session=None)
    client.connect("http://localhost", headers={"X-Token": "1"}, wait_timeout=5)
    client.emit("message", "hello")
    answer: object = client.call("message", "hello")
    print(answer, message("sid", "text").lower())
    client.wait()

    with socketio.SimpleClient() as simple:
        simple.connect("http://localhost", namespace="/lobby")
        print(simple.call("enter", "room"))


manager = socketio.RedisManager("redis://", write_only=True)
manager.emit("news", {"text": "from elsewhere"}, room="lobby")

# Engine.IO

eio = engineio.AsyncServer(async_mode="asgi")


@eio.on("message")
async def echo(sid: str, data: str | bytes) -> None:
    await eio.send(sid, data)


engine = engineio.ASGIApp(eio)
