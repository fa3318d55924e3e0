"""Walks through everything with the registry's asyncio client; prints what it got as JSON.

python async_client.py URL polling|websocket|upgrade
"""

from __future__ import annotations

import asyncio
import json
import sys

import socketio

TRANSPORTS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}
TIMEOUT = 10
url, transports = sys.argv[1], TRANSPORTS[sys.argv[2]]


def plain(value):
    """Make bytes fit for JSON."""
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


async def walk():
    got = {}
    events = asyncio.Queue()
    sio = socketio.AsyncClient(reconnection=False)

    @sio.on("*")
    async def any_event(event, *args):
        await events.put((event, args))
        return "answer", b"\x2a"

    @sio.event
    async def disconnect(reason):
        await events.put(("disconnect", reason))

    async def take(event):
        name, args = await asyncio.wait_for(events.get(), TIMEOUT)
        assert name == event, (name, args)
        return args

    await sio.connect(
        url, transports=transports, namespaces=["/", "/chat", "/class"],
        auth={"token": "secret"}, wait_timeout=TIMEOUT,
    )  # fmt: skip
    got["transport"] = sio.transport()
    got["echo"] = await sio.call("echo", ("text", {"a": [1, None, "ü"]}), timeout=TIMEOUT)
    got["binary"] = await sio.call("echo", (b"\x00\xff", {"nested": [b"\x01\x02"]}))
    # one after the other: a server with threads may handle them in any order
    await sio.emit("bounce", ("back", "one"))
    first = await take("back")
    await sio.emit("bounce", ("back", b"\x00\xff", 2))
    got["back"] = [first, await take("back")]
    await sio.emit("ask_back", ("question",))
    assert await take("question") == ()
    got["answered"] = ["question", await take("answered")]
    await sio.emit("burst", 100)
    got["numbers"] = [(await take("number"))[0] for _ in range(100)]
    got["chat"] = await sio.call("echo", 1, namespace="/chat")
    got["class"] = await sio.call("echo", 2, namespace="/class")
    got["auth"] = (await sio.call("me"))["auth"]
    await sio.emit("kick")
    got["kicked"] = await take("disconnect")
    await sio.disconnect()

    got["refused"] = await refused("/refusing", {"refuse": ["no entry", {"code": 7}]})
    got["unknown namespace"] = await refused("/nope", None)
    return got


async def refused(namespace, auth):
    """What the connect_error handler gets."""
    answer = asyncio.get_running_loop().create_future()
    sio = socketio.AsyncClient(reconnection=False)
    sio.on("connect_error", answer.set_result, namespace=namespace)
    try:
        await sio.connect(url, transports=transports, namespaces=[namespace], auth=auth)
    except socketio.exceptions.ConnectionError:
        pass
    return await asyncio.wait_for(answer, TIMEOUT)


print(json.dumps(plain(asyncio.run(walk()))))
