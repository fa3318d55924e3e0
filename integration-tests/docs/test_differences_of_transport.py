"""What docs/differences.md says of Engine.IO and no test of a single part can show."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import pytest
from asgi_support import Server as AsgiServer
from framework_support import BINARY, SERVE, SOON, Raw, fetch, open_polling, until
from hypercorn.asyncio import serve as serve_hypercorn
from hypercorn.config import Config
from werkzeug.serving import make_server

import engineio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

POLLING = b"EIO=4&transport=polling"


@pytest.fixture(params=SERVE)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def echo(framework: str) -> AsyncIterator[tuple[engineio.AsyncServer, int]]:
    """A server that sends messages back as they came, and its port."""
    eio = engineio.AsyncServer()
    eio.on("message", eio.send)
    async with SERVE[framework](eio, "engine.io") as port:
        yield eio, port


@pytest.fixture
def threaded() -> Iterator[tuple[engineio.Server, int]]:
    """A server of threads that sends a bytearray for each message, and its port."""
    eio = engineio.Server(async_mode="threading")
    eio.on("message", lambda sid, data: eio.send(sid, bytearray(b"\x00\xff")))
    web = make_server("127.0.0.1", 0, engineio.WSGIApp(eio), threaded=True)
    serving = threading.Thread(target=web.serve_forever)
    serving.start()
    yield eio, web.server_port
    web.shutdown()
    serving.join()
    eio.shutdown()
    web.server_close()


# what travels


async def test_every_driver_sends_a_bytearray_as_binary(framework: str) -> None:
    async with echo(framework) as (eio, port), Raw(port) as websocket:
        await websocket.open()
        await websocket.text()
        query = await open_polling(port)

        for sid in list(eio.sockets):
            await eio.send(sid, bytearray(b"\x00\xff"))

        assert await websocket.receive() == (BINARY, b"\x00\xff")
        assert (await fetch(port, query)).body == b"bAP8="


async def test_a_thread_sends_a_bytearray_as_binary(threaded: tuple[Any, int]) -> None:
    _, port = threaded
    async with Raw(port) as websocket:
        await websocket.open()
        await websocket.text()
        await websocket.frame("4now")
        assert await websocket.receive() == (BINARY, b"\x00\xff")
    query = await open_polling(port)
    await fetch(port, query, "POST", body=b"4now")
    assert (await fetch(port, query)).body == b"bAP8="


BODY = "4" + "".join(f"{number:05}" for number in range(2_000))


@pytest.mark.parametrize("chunked", [False, True], ids=["in segments", "in chunks"])
async def test_a_body_in_several_parts_arrives_whole(framework: str, chunked: bool) -> None:
    size = 1_000
    parts = [BODY[start : start + size].encode() for start in range(0, len(BODY), size)]
    line = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(BODY)}"
    if chunked:
        parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]

    async with echo(framework) as (eio, port):
        query = await open_polling(port)
        async with Raw(port) as post:
            await post.request(query, "POST", line)
            (session,) = eio.sockets.values()
            await until(lambda: session.posting is not None)  # it has read what there is
            for part in parts:
                await post.send(part)
                await asyncio.sleep(0)
            assert (await post.reply()).body == b"ok"

        assert (await fetch(port, query)).body.decode() == BODY


async def test_a_session_that_ends_during_its_post(framework: str) -> None:
    async with echo(framework) as (eio, port):
        query = await open_polling(port)
        ((sid, session),) = eio.sockets.items()
        async with Raw(port) as post:
            await post.request(query, "POST", "Content-Length: 6", body=b"4he")
            await until(lambda: session.posting is not None)

            await eio.disconnect(sid)
            await post.send(b"llo")

            assert (await post.reply()).status == 400


# cancellation


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_request_that_is_cancelled_ends_its_session_and_is_cancelled(
    transport: str,
) -> None:
    eio = engineio.AsyncServer(async_mode="asgi")
    app = engineio.ASGIApp(eio)
    ended: list[str] = []
    eio.on("disconnect", lambda sid, reason: ended.append(reason))
    if transport == "polling":
        await serve(app, http_scope(POLLING))
        (sid,) = eio.sockets
        scope = http_scope(POLLING + b"&sid=" + sid.encode())
    else:
        scope = {**http_scope(b"EIO=4&transport=websocket"), "type": "websocket"}
    server = AsgiServer("http.request" if transport == "polling" else "websocket.connect")
    request = asyncio.ensure_future(server.serve(app, scope))
    await until(lambda: any(session.channel is not None for session in eio.sockets.values()))

    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    assert ended
    assert not eio.sockets


def http_scope(query: bytes) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/engine.io/",
        "query_string": query,
        "headers": [],
    }


async def serve(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    server = AsgiServer()
    server.push({"type": "http.request", "body": b"", "more_body": False})
    return await server.serve(app, scope)


# HTTP/2


class Http2:
    """A client of HTTP/2 on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration())
        self._connection.initiate_connection()

    def start(self, *headers: tuple[str, str], body: bytes | None = b"") -> int:
        """Begin a request; ``None`` is a body that goes on."""
        stream: int = self._connection.get_next_available_stream_id()
        fixed = [(":authority", "x"), (":scheme", "http")]
        self._connection.send_headers(stream, [*fixed, *headers], end_stream=body == b"")
        if body:
            self._connection.send_data(stream, body, end_stream=True)
        return stream

    async def take(self, stream: int, whole: bool = True) -> tuple[int, bytes]:
        """The status and the body of an answer; not ``whole``: what has come first of it."""
        status, body = 0, b""
        while True:
            self._writer.write(self._connection.data_to_send())
            data = await asyncio.wait_for(self._reader.read(65_536), SOON)
            assert data, "the connection has ended"
            for event in self._connection.receive_data(data):
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    if not whole:
                        return status, body
                elif isinstance(event, h2.events.StreamEnded):
                    return status, body


@pytest.fixture
async def http2() -> AsyncIterator[Http2]:
    """A connection to a server that echoes, under hypercorn."""
    eio = engineio.AsyncServer(async_mode="asgi")
    eio.on("message", eio.send)
    config = Config()
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    config.bind = [f"fd://{listener.detach()}"]
    config.errorlog = None
    ending = asyncio.Event()
    app: Any = engineio.ASGIApp(eio)
    serving = asyncio.ensure_future(serve_hypercorn(app, config, shutdown_trigger=ending.wait))
    reader, writer = await asyncio.open_connection(*address)
    yield Http2(reader, writer)
    await eio.disconnect()
    writer.close()
    ending.set()
    await serving
    await eio.stop()


async def test_long_polling_over_http2(http2: Http2) -> None:
    path = "/engine.io/?EIO=4&transport=polling"

    status, opened = await http2.take(http2.start((":method", "GET"), (":path", path)))
    assert status == 200
    sid = opened.decode().partition('"sid":"')[2].partition('"')[0]
    path += f"&sid={sid}"
    post = http2.start((":method", "POST"), (":path", path), body=b"4hello")
    assert await http2.take(post) == (200, b"ok")
    poll = http2.start((":method", "GET"), (":path", path))

    assert await http2.take(poll) == (200, b"4hello")


async def test_websocket_over_http2(http2: Http2) -> None:
    stream = http2.start(
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":path", "/engine.io/?EIO=4&transport=websocket"),
        ("sec-websocket-version", "13"),
        body=None,
    )

    status, frame = await http2.take(stream, whole=False)

    assert status == 200
    assert b'0{"sid":' in frame


# threads


async def test_a_websocket_takes_one_thread(threaded: tuple[Any, int]) -> None:
    _, port = threaded
    sockets = [Raw(port) for _ in range(10)]
    counts = []

    for websocket in sockets:
        await websocket.__aenter__()
        await websocket.open()
        await websocket.text()
        counts.append(threading.active_count())

    # the first brings the timer of the server, too
    assert [count - counts[0] for count in counts] == list(range(10))
    for websocket in sockets:
        await websocket.__aexit__()
    await until(lambda: threading.active_count() <= counts[0])


async def test_a_static_file_is_read_in_a_thread(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("hello")
    readers: list[int] = []
    looking = True

    def look(event: str, args: tuple[Any, ...]) -> None:
        if looking and event == "open" and str(args[0]) == str(page):
            readers.append(threading.get_ident())

    sys.addaudithook(look)
    app = engineio.ASGIApp(engineio.AsyncServer(async_mode="asgi"), static_files={"/": str(page)})
    sent = await serve(app, {**http_scope(b""), "path": "/"})
    looking = False

    assert sent[1]["body"] == b"hello"
    assert len(readers) == 1
    assert readers != [threading.get_ident()]


# the log

HANDLERS = """
import logging, socketio
{before}
sio = socketio.Server(async_mode="threading", {options})
for name in ("socketio.server", "engineio.server"):
    print(len(logging.getLogger(name).handlers))
"""


@pytest.mark.parametrize(
    ("before", "options", "handlers"),
    [
        ("", "logger=True, engineio_logger=True", [1, 1]),
        ("", "", [1, 1]),
        ("logging.basicConfig()", "logger=True, engineio_logger=True", [0, 0]),
        ("logging.getLogger('socketio').addHandler(logging.NullHandler())", "", [0, 1]),
        ("own = logging.getLogger('own')", "logger=own, engineio_logger=own", [0, 0]),
    ],
)
def test_a_handler_is_added_where_nobody_else_would_show_what_is_logged(
    before: str, options: str, handlers: list[int]
) -> None:
    code = HANDLERS.format(before=before, options=options)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [int(line) for line in done.stdout.split()] == handlers


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_sid_is_neither_answered_nor_logged(
    framework: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("engineio.server")
    eio = engineio.AsyncServer(logger=logger)
    evil = "evil%0Aforged"

    async with SERVE[framework](eio, "engine.io") as port:
        reply = await fetch(port, f"EIO=4&transport=polling&sid={evil}", method)

    assert reply.status == 400
    assert b"evil" not in reply.body
    said = [record.getMessage() for record in caplog.records if record.name == logger.name]
    assert said
    assert not [message for message in said if "evil" in message]


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
async def test_the_failure_of_a_hook_is_logged(
    phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise LookupError("no database")

    eio = engineio.AsyncServer(async_mode="asgi")
    app = engineio.ASGIApp(eio, **{f"on_{phase}": fail})
    events = ["lifespan.startup", "lifespan.shutdown"]

    sent = await AsgiServer(*events).serve(app, {"type": "lifespan"})

    assert sent[-1] == {"type": f"lifespan.{phase}.failed", "message": "no database"}
    (record,) = [record for record in caplog.records if record.exc_info]
    assert isinstance(record.exc_info[1], LookupError)
