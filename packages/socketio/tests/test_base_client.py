"""Options, registration and small rules of the clients; no sockets."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest

import socketio
from engineio.exceptions import ProtocolError
from socketio import base_client
from socketio._values import acknowledgement, arguments
from socketio.base_client import BaseClient
from socketio.base_namespace import BaseClientNamespace
from socketio.packet import Packet


@pytest.fixture
def client() -> socketio.AsyncClient:
    return socketio.AsyncClient(handle_sigint=False)


def handler(*args: Any) -> None: ...


def test_on_registers_directly_and_as_a_decorator(client: socketio.AsyncClient) -> None:
    assert client.on("a", handler) is None
    assert client.on("b")(handler) is handler
    assert client.on("c", namespace="/chat")(handler) is handler

    assert client.handlers == {"/": {"a": handler, "b": handler}, "/chat": {"c": handler}}


def test_event_registers_under_the_name_of_the_function(client: socketio.AsyncClient) -> None:
    assert client.event(handler) is handler
    assert client.event()(handler) is handler
    assert client.event(namespace="/chat")(handler) is handler

    assert client.handlers == {"/": {"handler": handler}, "/chat": {"handler": handler}}


def test_the_last_registration_wins(client: socketio.AsyncClient) -> None:
    client.on("a", print)
    client.on("a", handler)

    assert client.handlers["/"]["a"] is handler


def test_a_namespace_object_learns_its_client(client: socketio.AsyncClient) -> None:
    chat = socketio.AsyncClientNamespace("/chat")

    client.register_namespace(chat)

    assert client.namespace_handlers == {"/chat": chat}
    assert chat.client is client


@pytest.mark.parametrize(
    "wrong", [object(), socketio.AsyncClientNamespace, BaseClientNamespace("/chat")]
)
def test_other_objects_are_not_namespaces(client: socketio.AsyncClient, wrong: Any) -> None:
    with pytest.raises(ValueError, match="Not a"):
        client.register_namespace(wrong)


@pytest.mark.parametrize("serializer", ["pickle", "cbor", "json", None, object])
def test_an_unknown_serializer_is_an_error(serializer: Any) -> None:
    with pytest.raises(ValueError, match="serializer"):
        socketio.AsyncClient(serializer=serializer, handle_sigint=False)


def test_the_serializer_may_be_a_packet_class() -> None:
    class Mine(Packet): ...

    client = socketio.AsyncClient(serializer=Mine, handle_sigint=False)

    assert client.packet_class is Mine


class ShoutingJSON:
    """A ``json=`` object whose work can be recognised."""

    @staticmethod
    def dumps(obj: Any, /, *, separators: tuple[str, str] = (",", ":")) -> str:
        return json.dumps(obj, separators=separators).upper()

    @staticmethod
    def loads(text: str, /) -> Any:
        return json.loads(text)


def sent_by(client: socketio.AsyncClient) -> list[bytes]:
    return [message.payload for message in client._wire.encoder.event("/", ["a", "b"])]


def test_json_is_used_by_this_client_only(client: socketio.AsyncClient) -> None:
    other = socketio.AsyncClient(json=ShoutingJSON, handle_sigint=False)

    assert sent_by(other) == [b'42["A","B"]']
    assert sent_by(client) == [b'42["a","b"]']


def test_packet_json_is_the_default_of_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Packet, "json", ShoutingJSON)

    assert sent_by(socketio.AsyncClient(handle_sigint=False)) == [b'42["A","B"]']


def test_a_packet_class_of_the_application_gets_the_json_object() -> None:
    class Mine(Packet): ...

    socketio.AsyncClient(serializer=Mine, json=ShoutingJSON, handle_sigint=False)

    assert Mine.json is ShoutingJSON


LIMITED: dict[str, tuple[int, list[str | bytes]]] = {
    "max_attachments": (2, ['53-["e"]', b"", b"", b""]),
    "max_attachment_bytes": (2, ['51-["e"]', b"abc"]),
    "max_json_depth": (2, ['2["e",[[1]]]']),
    "max_json_int_digits": (2, ['2["e",123]']),
}


@pytest.mark.parametrize("how", ["given", "assigned"])
@pytest.mark.parametrize("name", LIMITED)
async def test_a_client_limits_what_it_takes(name: str, how: str) -> None:
    limit, messages = LIMITED[name]
    options = {name: limit} if how == "given" else {}
    client = socketio.AsyncClient(handle_sigint=False, **options)
    if how == "assigned":
        setattr(client, name, limit)
    await client._handle_eio_connect()

    with pytest.raises(ProtocolError):
        for message in messages:
            await client._handle_eio_message(message)


async def test_a_client_may_take_more_than_usual() -> None:
    client = socketio.AsyncClient(handle_sigint=False, max_attachments=200)
    await client._handle_eio_connect()
    await client._handle_eio_message("0")
    seen = []
    client.on("e", lambda *args: seen.append(args))

    data = ["e", *[{"_placeholder": True, "num": number} for number in range(101)]]
    await client._handle_eio_message(f"5101-{json.dumps(data)}")
    for _ in range(101):
        await client._handle_eio_message(b"x")
    await asyncio.sleep(0)

    assert seen == [(b"x",) * 101]


def test_engine_options_reach_the_engine() -> None:
    client = socketio.AsyncClient(request_timeout=7, engineio_logger=False, handle_sigint=False)

    assert (client.eio.request_timeout, client.eio.handle_sigint) == (7, False)


def test_an_option_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(TypeError):
        socketio.AsyncClient(no_such_option=1)


@pytest.mark.parametrize(
    ("given", "requested"),
    [
        (None, ["/", "/chat", "/class"]),
        ([], ["/", "/chat", "/class"]),
        ("/one", ["/one"]),
        (["/a", "/b", "/a"], ["/a", "/b"]),
    ],
)
def test_the_requested_namespaces_are_those_given_or_those_with_handlers(
    client: socketio.AsyncClient, given: Any, requested: list[str]
) -> None:
    client.on("a", handler)
    client.on("a", handler, namespace="*")
    client.on("a", handler, namespace="/chat")
    client.register_namespace(socketio.AsyncClientNamespace("/class"))

    assert client._requested(given) == requested


def test_without_handlers_the_default_namespace_is_requested(client: socketio.AsyncClient) -> None:
    client.on("a", handler, namespace="*")

    assert client._requested(None) == ["/"]


@pytest.mark.parametrize(
    ("data", "sent"),
    [(None, []), ((), []), ((None,), [None]), (1, [1]), ([1, 2], [[1, 2]]), ((1, 2), [1, 2])],
)
def test_data_becomes_arguments(data: Any, sent: list[Any]) -> None:
    assert arguments("event", data) == ["event", *sent]
    assert acknowledgement(data) == sent


def test_sigint_stops_reconnections_and_does_what_it_did_before(
    client: socketio.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_client, "original_signal_handler", lambda *args: args)
    monkeypatch.setattr(base_client, "reconnecting_clients", [client])

    assert base_client.signal_handler(signal.SIGINT, None) == (signal.SIGINT, None)

    assert client._reconnect_abort.is_set()


def test_sigint_without_an_earlier_handler_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        base_client.signal_handler(signal.SIGINT, None)


def test_the_base_class_is_of_no_concurrency_model() -> None:
    assert not BaseClient.is_asyncio_based(BaseClient.__new__(BaseClient))
