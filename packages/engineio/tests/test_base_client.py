"""Options, handlers and URLs of a client, without a connection."""

from __future__ import annotations

import logging

import pytest

from engineio import AsyncClient, packet
from engineio.base_client import default_logger


@pytest.fixture
def client():
    return AsyncClient(handle_sigint=False)


URLS = {
    "plain": ("http://host", "engine.io", "polling", "http://host/engine.io/?"),
    "path dropped": ("http://host:80/a/b", "engine.io", "polling", "http://host:80/engine.io/?"),
    "slashes": ("http://host", "/a/b/", "polling", "http://host/a/b/?"),
    "query kept": ("http://host/?x=1", "engine.io", "polling", "http://host/engine.io/?x=1&"),
    "tls": ("https://host", "engine.io", "polling", "https://host/engine.io/?"),
    "ws polls over http": ("ws://host", "engine.io", "polling", "http://host/engine.io/?"),
    "websocket": ("http://host", "engine.io", "websocket", "ws://host/engine.io/?"),
    "secure websocket": ("wss://host", "engine.io", "websocket", "wss://host/engine.io/?"),
    "user": ("http://me:pw@host", "engine.io", "polling", "http://me:pw@host/engine.io/?"),
}


@pytest.mark.parametrize(("url", "path", "transport", "start"), URLS.values(), ids=URLS.keys())
def test_the_url_of_a_request(client, url, path, transport, start):
    result = client._engineio_url(url, path, transport)

    assert result == f"{start}transport={transport}&EIO=4"


def test_a_timestamp_defeats_caches_unless_turned_off(client):
    assert client._timestamp().startswith("&t=")

    assert AsyncClient(handle_sigint=False, timestamp_requests=False)._timestamp() == ""


def test_a_new_client_is_disconnected(client):
    assert (client.state, client.sid, client.transport()) == ("disconnected", None, None)
    assert (client.http, client.external_http, client.http_factory) == (None, False, None)
    assert (client.ws, client.read_loop_task, client.write_loop_task) == (None, None, None)
    assert client.queue.empty()
    assert client.is_asyncio_based()


def test_handlers_are_registered_by_call_and_decorator(client):
    @client.on("message")
    def message(data): ...

    def connect(): ...

    assert client.on("connect", connect) is None
    assert client.handlers == {"message": message, "connect": connect}


def test_an_unknown_event_is_an_error(client):
    with pytest.raises(ValueError, match="Invalid event"):
        client.on("connected")


@pytest.mark.parametrize("transports", [[], ["smoke"], "smoke"])
async def test_without_a_valid_transport_nothing_is_tried(client, transports):
    with pytest.raises(ValueError, match="No valid transports provided"):
        await client.connect("http://127.0.0.1:1", transports=transports)


def test_unknown_options_are_an_error():
    with pytest.raises(TypeError):
        AsyncClient(reconnection=True)


def test_a_json_module_is_the_clients_own():
    class Shout:
        @staticmethod
        def dumps(value, separators=None):
            return f'["{len(value)}!"]'

        @staticmethod
        def loads(text):
            return text.upper()

    client = AsyncClient(handle_sigint=False, json=Shout)

    assert client._encode({"a": 1}).text == '4["1!"]'
    assert client._decode("hi") == "HI"
    assert packet.Packet.json is not Shout


ENCODED = [("hi", "4hi"), (None, "4"), (5, "45"), ([1, "a"], '4[1,"a"]'), ({}, "4{}"), ("€", "4€")]


@pytest.mark.parametrize(("data", "encoded"), ENCODED)
def test_what_a_message_is_on_the_wire(client, data, encoded):
    message = client._encode(data)

    assert (message.text, message.binary) == (encoded, False)


@pytest.mark.parametrize("data", [b"\x00\xff", bytearray(b"\x00\xff")])
def test_binary_travels_as_it_is(client, data):
    message = client._encode(data)

    assert (message.payload, message.binary) == (b"\x00\xff", True)
    assert type(message.payload) is bytes


def test_long_packets_are_cut_in_the_log(caplog):
    logger = logging.getLogger("test.engineio")
    caplog.set_level(logging.INFO, logger.name)
    client = AsyncClient(handle_sigint=False, logger=logger)

    client._log_packet("Received", "4" + "x" * 1000)
    client._log_packet("Received", b"123")
    client._log_packet("Received", "?!")

    assert [record.getMessage() for record in caplog.records] == [
        f"Received packet MESSAGE data {'x' * 200}",
        "Received packet MESSAGE data <3 bytes>",
        "Received packet of unknown type: ?!",
    ]


def test_a_given_logger_is_used_as_it_is():
    logger = logging.getLogger("test.given")

    assert AsyncClient(handle_sigint=False, logger=logger).logger is logger
    assert AsyncClient(handle_sigint=False).logger is default_logger
