from __future__ import annotations

import io
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from engineio._core.request import Reply
from engineio._shell.wsgi import WsgiDriver
from engineio.async_drivers.threading import ThreadConcurrency, ThreadHost
from engineio.exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDSHAKE = {
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_HOST": "localhost",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}


def make_environ(**values: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "QUERY_STRING": "a=b", "wsgi.url_scheme": "http", **values}


@pytest.fixture
def driver() -> WsgiDriver:
    return WsgiDriver(ThreadConcurrency(), ThreadHost())


def read(driver: WsgiDriver, body: bytes, limit: int = 10, **values: Any) -> bytes:
    environ = make_environ(**{"wsgi.input": io.BytesIO(body)}, **values)
    return driver.body(driver.request(environ, None), limit)  # type: ignore[arg-type]


def test_a_request_is_what_the_environ_says(driver: WsgiDriver) -> None:
    environ = make_environ(HTTP_X_TEST="y", CONTENT_TYPE="text/plain", REQUEST_METHOD="POST")

    request = driver.request(environ, None)  # type: ignore[arg-type]

    assert (request.method, request.query, request.scheme) == ("POST", "a=b", "http")
    assert request.header("x-test") == "y"
    assert request.header("content-type") == "text/plain"
    assert request.header("origin") is None
    assert request.environ() is environ


@pytest.mark.parametrize(
    ("values", "websocket", "has_socket"),
    [
        ({"HTTP_UPGRADE": "WebSocket", "werkzeug.socket": object()}, True, True),
        ({"HTTP_UPGRADE": "websocket", "gunicorn.socket": object()}, True, True),
        ({"HTTP_UPGRADE": "websocket"}, True, False),
        ({"HTTP_UPGRADE": "h2c", "werkzeug.socket": object()}, False, True),
        ({"werkzeug.socket": object()}, False, True),
    ],
)
def test_a_websocket_is_asked_for_and_may_have_no_socket(
    driver: WsgiDriver, values: dict[str, Any], websocket: bool, has_socket: bool
) -> None:
    request = driver.request(make_environ(**values), None)  # type: ignore[arg-type]

    assert request.websocket is websocket
    assert request.has_socket is has_socket


@pytest.mark.parametrize(
    ("values", "body"),
    [
        ({"CONTENT_LENGTH": "5"}, b"hello"),
        ({"CONTENT_LENGTH": "0"}, b""),
        ({"CONTENT_LENGTH": ""}, b""),
        ({}, b""),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, b"hello"),
        ({"wsgi.input_terminated": True}, b"hello"),
    ],
)
def test_the_body_is_read_as_far_as_it_goes(
    driver: WsgiDriver, values: dict[str, Any], body: bytes
) -> None:
    assert read(driver, b"hello", **values) == body


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"CONTENT_LENGTH": "11"}, 413),
        ({"CONTENT_LENGTH": "9"}, 400),
        ({"CONTENT_LENGTH": "-1"}, 400),
        ({"CONTENT_LENGTH": "\u0663"}, 400),
    ],
)
def test_a_wrong_length_is_refused(driver: WsgiDriver, values: dict[str, Any], status: int) -> None:
    with pytest.raises(ProtocolError) as raised:
        read(driver, b"hello", **values)

    assert raised.value.status == status


def test_a_chunked_body_is_read_up_to_the_limit(driver: WsgiDriver) -> None:
    body = io.BytesIO(b"x" * 1_000_000)
    environ = make_environ(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": body})

    with pytest.raises(ProtocolError) as raised:
        driver.body(driver.request(environ, None), 10)  # type: ignore[arg-type]

    assert raised.value.status == 413
    assert body.tell() <= 65_536


class BrokenBody:
    """What pywsgi, uWSGI or eventlet give of a client that has gone."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, size: int) -> bytes:
        raise self.error


@pytest.mark.parametrize("error", [OSError("unexpected end of file"), ValueError("no chunk")])
@pytest.mark.parametrize("how", [{"CONTENT_LENGTH": "5"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_body_that_breaks_off_is_refused(
    driver: WsgiDriver, error: Exception, how: dict[str, Any]
) -> None:
    environ = make_environ(**{"wsgi.input": BrokenBody(error)}, **how)

    with pytest.raises(ProtocolError) as raised:
        driver.body(driver.request(environ, None), 10)  # type: ignore[arg-type]

    assert raised.value.status == 400


@pytest.mark.parametrize("known", ["werkzeug.socket", "gunicorn.socket", None])
def test_a_body_can_be_cut_by_another_thread(driver: WsgiDriver, known: str | None) -> None:
    client, server = socket.socketpair()
    with client, server, server.makefile("rb") as reader, ThreadPoolExecutor() as threads:
        environ = make_environ(**{"wsgi.input": reader, "CONTENT_LENGTH": "5"})
        if known is not None:
            environ[known] = server
        request = driver.request(environ, None)  # type: ignore[arg-type]
        cut = driver.body_cutter(request)
        client.send(b"4")
        reading = threads.submit(driver.body, request, 10)

        cut()

        with pytest.raises(ProtocolError) as raised:
            reading.result(10)
        assert raised.value.status == 400
        server.send(b"the answer")
        assert client.recv(100) == b"the answer"
        client.close()
        cut()


def test_a_body_without_a_socket_cannot_be_cut(driver: WsgiDriver) -> None:
    environ = make_environ(**{"wsgi.input": io.BytesIO(b"hello"), "CONTENT_LENGTH": "5"})
    request = driver.request(environ, None)  # type: ignore[arg-type]

    driver.body_cutter(request)()

    assert driver.body(request, 10) == b"hello"


def test_an_answer_has_its_length(driver: WsgiDriver) -> None:
    answer: list[Any] = []
    request = driver.request(make_environ(), lambda *args: answer.extend(args))

    body = driver.respond(request, Reply(400, b"no", [("Content-Type", "text/plain")]))

    assert list(body) == [b"no"]
    assert answer == [
        "400 BAD REQUEST",
        [("Content-Type", "text/plain"), ("Content-Length", "2")],
    ]


@pytest.fixture
def connected() -> Iterator[socket.socket]:
    """The server's side of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as server:
            yield server


def test_the_body_of_an_answer_does_not_wait_until_the_client_has_its_head(
    driver: WsgiDriver, connected: socket.socket
) -> None:
    environ = make_environ(**{"gunicorn.socket": connected})

    driver.respond(driver.request(environ, lambda *args: None), Reply(200, b"", []))

    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_frame_does_not_wait_until_the_client_has_the_one_before(
    driver: WsgiDriver, connected: socket.socket
) -> None:
    environ = make_environ(**HANDSHAKE, **{"gunicorn.socket": connected})

    driver.websocket(driver.request(environ, None), lambda channel: None, 10)  # type: ignore[arg-type]

    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_socket_need_not_be_one_of_tcp(driver: WsgiDriver) -> None:
    client, server = socket.socketpair()
    with client, server:
        environ = make_environ(**{"gunicorn.socket": server})

        body = driver.respond(driver.request(environ, lambda *args: None), Reply(200, b"ok", []))

        assert list(body) == [b"ok"]


@pytest.mark.parametrize(
    "missing", ["HTTP_SEC_WEBSOCKET_KEY", "HTTP_SEC_WEBSOCKET_VERSION", "HTTP_CONNECTION"]
)
def test_an_invalid_handshake_is_refused(driver: WsgiDriver, missing: str) -> None:
    environ = make_environ(**HANDSHAKE)
    del environ[missing]

    with pytest.raises(ProtocolError):
        driver.websocket(driver.request(environ, None), lambda channel: None, 10)  # type: ignore[arg-type]
