"""Flask-SocketIO's own test client against flask_app.py."""

from __future__ import annotations

from typing import Any

import flask_app
import shared_sessions
from flask_app import app, socketio


def names(client: Any, namespace: str = "/") -> list[str]:
    return [packet["name"] for packet in client.get_received(namespace)]


def check_connecting() -> None:
    http = app.test_client()
    http.get("/login/ada")
    client = socketio.test_client(app, flask_test_client=http, query_string="?color=red")

    assert client.is_connected()
    (welcome,) = client.get_received()
    assert welcome["name"] == "welcome"
    assert welcome["namespace"] == "/"
    assert welcome["args"][0]["name"] == "ada"
    assert welcome["args"][0]["color"] == "red"
    client.disconnect()
    assert not client.is_connected()
    assert flask_app.log[-1] == "client disconnect"


def check_refusal() -> None:
    client = socketio.test_client(app, auth={"token": "wrong"})

    assert not client.is_connected()
    assert socketio.test_client(app, auth={"token": "right"}).is_connected()


def check_messages() -> None:
    client, other = socketio.test_client(app), socketio.test_client(app)
    names(client), names(other)

    client.send("hello")
    client.send({"a": [1]}, json=True)
    client.emit("binary", b"ab")

    received = client.get_received()
    assert [packet["name"] for packet in received] == ["message", "json", "binary"]
    assert received[0]["args"] == "HELLO"
    assert received[1]["args"] == {"a": [1]}
    assert received[2]["args"] == [{"got": [b"ab", b"ba"]}]
    assert names(other) == ["json"]


def check_acknowledgements() -> None:
    client = socketio.test_client(app)

    assert client.emit("several", 1, "two", [3], callback=True) == [[3], "two", 1]
    assert client.emit("several", b"b", callback=True) == b"b"


def check_rooms() -> None:
    client, other = socketio.test_client(app), socketio.test_client(app)
    own = client.emit("join", "lobby", callback=True)
    assert own[0] == "lobby"
    assert len(own) == 2
    names(client), names(other)

    other.emit("join", "lobby")
    assert names(client) == ["joined"]
    assert names(other) == []
    other.emit("leave", "lobby")
    socketio.emit("inside", to="lobby")
    assert (names(client), names(other)) == (["inside"], [])
    client.emit("close", "lobby")
    socketio.emit("inside", to="lobby")
    assert names(client) == ["closed"]


def check_sessions() -> None:
    client, other = socketio.test_client(app), socketio.test_client(app)

    assert [client.emit("count", callback=True) for _ in range(3)] == [1, 2, 3]
    assert other.emit("count", callback=True) == 1


def check_callbacks_of_the_server() -> None:
    client = socketio.test_client(app)
    names(client)

    client.emit("confirm")

    (question,) = client.get_received()
    assert question["name"] == "question"


def check_errors() -> None:
    client = socketio.test_client(app)
    names(client)

    client.emit("fail")

    (failed,) = client.get_received()
    assert failed["args"] == ["LookupError in fail"]


def check_namespaces() -> None:
    client = socketio.test_client(app, namespace="/functions")
    assert not client.is_connected("/")
    assert client.emit("ping", 1, namespace="/functions", callback=True) == ["/functions", 1]

    classes = socketio.test_client(app, namespace="/classes")
    assert classes.get_received("/classes")[0]["args"] == ["from a class"]
    assert classes.emit("double", 21, namespace="/classes", callback=True) == 42
    classes.emit("shout", "hey", namespace="/classes")
    assert names(classes, "/classes") == ["shouted"]
    classes.disconnect("/classes")
    assert flask_app.log[-1] == "class: client disconnect"


def check_query_and_headers_of_a_namespace() -> None:
    client = socketio.test_client(app, query_string="?color=red")
    (welcome,) = client.get_received()
    assert welcome["args"][0]["color"] == "red"

    client.connect("/functions", query_string="?color=blue", headers={"X-Color": "green"})

    (about,) = client.get_received("/functions")
    assert about["args"] == [{"color": "blue", "header": "green"}]


def check_handlers_without_a_decorator() -> None:
    client = socketio.test_client(app)
    client.connect("/functions")

    for namespace in ("/", "/functions"):
        assert client.emit("registered", 1, namespace=namespace, callback=True) == {"registered": 1}


def check_the_default_for_errors() -> None:
    client = socketio.test_client(app, namespace="/functions")
    client.get_received("/functions")

    client.emit("fail", namespace="/functions")

    (failed,) = client.get_received("/functions")
    assert failed["args"] == ["LookupError in /functions"]


def check_leaving_out() -> None:
    client, other, third = (socketio.test_client(app) for _ in range(3))
    sids = [each.get_received()[0]["args"][0]["sid"] for each in (client, other, third)]

    client.emit("others", "hi", sids[1])

    assert names(client) == []
    assert names(other) == ["to all others", "to all but one"]
    assert names(third) == ["to all others", "to all but some", "to all but one"]


def check_sessions_of_flask() -> None:
    http = shared_sessions.app.test_client()
    assert http.get("/count").text == "1"
    client = shared_sessions.socketio.test_client(shared_sessions.app, flask_test_client=http)

    assert client.emit("count", callback=True) == 2
    assert http.get("/count").text == "3"


def check_disconnecting() -> None:
    client = socketio.test_client(app)

    client.emit("leave_me_alone")

    assert not client.is_connected()
    assert flask_app.log[-1] == "server disconnect"


for name, check in list(globals().items()):
    if name.startswith("check_"):
        print(name)
        check()
