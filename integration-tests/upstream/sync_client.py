"""The same walk as async_client.py with the registry's threaded client.

python sync_client.py URL polling|websocket|upgrade
"""

from __future__ import annotations

import json
import queue
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


def walk():
    got = {}
    events = queue.Queue()
    sio = socketio.Client(reconnection=False)

    @sio.on("*")
    def any_event(event, *args):
        events.put((event, args))
        return "answer", b"\x2a"

    @sio.event
    def disconnect(reason):
        events.put(("disconnect", reason))

    def take(event):
        name, args = events.get(timeout=TIMEOUT)
        assert name == event, (name, args)
        return args

    sio.connect(
        url, transports=transports, namespaces=["/", "/chat", "/class"],
        auth={"token": "secret"}, wait_timeout=TIMEOUT,
    )  # fmt: skip
    got["transport"] = sio.transport()
    got["echo"] = sio.call("echo", ("text", {"a": [1, None, "ü"]}), timeout=TIMEOUT)
    got["binary"] = sio.call("echo", (b"\x00\xff", {"nested": [b"\x01\x02"]}))
    sio.emit("bounce", ("back", "one"))
    first = take("back")
    sio.emit("bounce", ("back", b"\x00\xff", 2))
    got["back"] = [first, take("back")]
    sio.emit("ask_back", ("question",))
    assert take("question") == ()
    got["answered"] = ["question", take("answered")]
    sio.emit("burst", 100)
    # one thread per message: the order of the handlers is left to the scheduler
    got["numbers"] = sorted(take("number")[0] for _ in range(100))
    got["chat"] = sio.call("echo", 1, namespace="/chat")
    got["class"] = sio.call("echo", 2, namespace="/class")
    got["auth"] = sio.call("me")["auth"]
    sio.emit("kick")
    got["kicked"] = take("disconnect")
    sio.disconnect()

    got["refused"] = refused("/refusing", {"refuse": ["no entry", {"code": 7}]})
    got["unknown namespace"] = refused("/nope", None)
    return got


def refused(namespace, auth):
    """What the connect_error handler gets."""
    answers = queue.Queue()
    sio = socketio.Client(reconnection=False)
    sio.on("connect_error", answers.put, namespace=namespace)
    try:
        sio.connect(url, transports=transports, namespaces=[namespace], auth=auth)
    except socketio.exceptions.ConnectionError:
        pass
    return answers.get(timeout=TIMEOUT)


print(json.dumps(plain(walk())))
