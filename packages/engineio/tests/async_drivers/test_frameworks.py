"""What every framework driver does, over real sockets and with a real client."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from framework_support import (
    BINARY,
    CLOSE,
    HELLO,
    PING,
    PONG,
    SERVE,
    TEXT,
    Raw,
    fetch,
    open_polling,
    until,
)
from garbage_support import CollectedByHand
from websockets.frames import Opcode

import engineio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

MAX_SIZE = 300_000
MAX_SEND_BUFFER = 1_000_000
IN_SECONDS = 6.0
"""What a server with clients may take to stop."""


class Site:
    """A running web server with an Engine.IO server that echoes."""

    def __init__(self, framework: str, **options: Any) -> None:
        self.eio = engineio.AsyncServer(
            max_http_buffer_size=MAX_SIZE, max_send_buffer=MAX_SEND_BUFFER, **options
        )
        self.ended: list[str] = []
        self.environs: list[dict[str, Any]] = []
        self.eio.on("connect", self._connect)
        self.eio.on("message", self._message)
        self.eio.on("disconnect", self._disconnect)
        self._framework = framework
        self.path = "engine.io"

    async def __aenter__(self) -> Site:
        self._serving: Any = SERVE[self._framework](self.eio, self.path)
        self.port = await self._serving.__aenter__()
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop the web server, once."""
        serving, self._serving = self._serving, nullcontext()
        await serving.__aexit__(None, None, None)

    def _connect(self, sid: str, environ: dict[str, Any]) -> Any:
        self.environs.append(environ)
        return "go away" if "refuse" in environ["QUERY_STRING"] else None

    async def _message(self, sid: str, data: Any) -> None:
        if data == "leave":
            await self.eio.disconnect(sid)
        elif data == "flood":
            for _ in range(200):
                await self.eio.send(sid, bytes(100_000))
        else:
            await self.eio.send(sid, data)

    def _disconnect(self, sid: str, reason: str) -> None:
        self.ended.append(reason)


@pytest.fixture(params=SERVE)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def site(framework: str) -> AsyncIterator[Site]:
    async with Site(framework, cookie="io") as site:
        yield site


class Client:
    """Our own client; what it receives is in ``received``."""

    def __init__(self) -> None:
        self.eio = engineio.AsyncClient(handle_sigint=False)
        self.received: list[Any] = []
        self.eio.on("message", self.received.append)

    async def connect(self, site: Site, transports: list[str]) -> None:
        url = f"http://127.0.0.1:{site.port}"
        await self.eio.connect(url, transports=transports, engineio_path=site.path)

    async def echo(self, data: Any) -> Any:
        await self.eio.send(data)
        await until(lambda: bool(self.received))
        return self.received.pop()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.eio.disconnect()


TRANSPORTS = {
    "polling": (["polling"], "polling"),
    "websocket": (["websocket"], "websocket"),
    "upgrade": (["polling", "websocket"], "websocket"),
}


# ordinary use


@pytest.mark.parametrize("how", TRANSPORTS)
async def test_messages_of_every_kind_come_and_go(site: Site, client: Client, how: str) -> None:
    transports, expected = TRANSPORTS[how]
    large = "ä" * 100_000

    await client.connect(site, transports)

    assert client.eio.transport() == expected
    for data in ("text", b"\x00\xff", {"a": [1, None]}, large, large.encode()):
        assert await client.echo(data) == data
    (session,) = site.eio.sockets.values()
    assert session.transport == expected


@pytest.mark.parametrize("how", TRANSPORTS)
async def test_messages_keep_their_order(site: Site, client: Client, how: str) -> None:
    await client.connect(site, TRANSPORTS[how][0])

    for number in range(100):
        await client.eio.send({"number": number})
    await until(lambda: len(client.received) == 100)

    assert client.received == [{"number": number} for number in range(100)]


@pytest.mark.parametrize("how", TRANSPORTS)
async def test_the_server_can_end_a_connection(site: Site, client: Client, how: str) -> None:
    await client.connect(site, TRANSPORTS[how][0])

    await client.eio.send("leave")
    await asyncio.wait_for(client.eio.wait(), IN_SECONDS)

    assert site.ended == ["server disconnect"]
    assert site.eio.sockets == {}


@pytest.mark.parametrize("how", TRANSPORTS)
async def test_the_client_can_end_a_connection(site: Site, client: Client, how: str) -> None:
    await client.connect(site, TRANSPORTS[how][0])

    await client.eio.disconnect()
    await until(lambda: bool(site.ended))

    assert site.ended == ["client disconnect"]


async def test_the_applications_other_routes_go_on(site: Site) -> None:
    async with Raw(site.port, "/hello") as connection:
        await connection.request("")
        reply = await connection.reply()

    assert reply.body.decode() == HELLO


@pytest.mark.parametrize("how", TRANSPORTS)
async def test_the_path_can_be_another(framework: str, client: Client, how: str) -> None:
    site = Site(framework)
    site.path = "some/where"
    async with site:
        await client.connect(site, TRANSPORTS[how][0])
        assert await client.echo("hello") == "hello"
        assert (await fetch(site.port, "EIO=4&transport=polling")).status == 404
        await client.eio.disconnect()


async def test_several_requests_share_a_connection(site: Site) -> None:
    async with Raw(site.port) as connection:
        for _ in range(3):
            await connection.request("EIO=4&transport=polling")
            assert (await connection.reply()).status == 200

    assert len(site.eio.sockets) == 3


# what a handler is told


async def test_the_environ_of_a_connection(site: Site, framework: str) -> None:
    query = "EIO=4&transport=polling&name=%C3%A4%20x"
    lines = ("X-One: 1", "X-One: 2", "Cookie: a=b")

    await fetch(site.port, query, "GET", *lines)

    (environ,) = site.environs
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["PATH_INFO"] == "/engine.io/"
    assert environ["QUERY_STRING"] == query
    assert environ["RAW_URI"] == f"/engine.io/?{query}"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SERVER_PORT"] == str(site.port)
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert int(environ["REMOTE_PORT"]) > 0
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["HTTP_X_ONE"].replace(" ", "") == "1,2"
    assert environ["HTTP_COOKIE"] == "a=b"
    native = {
        "aiohttp": "aiohttp.request",
        "tornado": "tornado.handler",
        "sanic": "sanic.request",
        "sanic under ASGI": "sanic.request",
    }
    assert environ[native[framework]] is not None


async def test_the_environ_of_a_websocket(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.handshake("EIO=4&transport=websocket", "X-Test: yes")

    (environ,) = site.environs
    assert (environ["REQUEST_METHOD"], environ["HTTP_X_TEST"]) == ("GET", "yes")


# HTTP


async def test_a_handshake_sets_the_cookie(site: Site) -> None:
    reply = await fetch(site.port, "EIO=4&transport=polling")

    (sid,) = site.eio.sockets
    assert reply.headers["set-cookie"] == f"io={sid}; path=/; SameSite=Lax"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_another_origin_may_ask_where_it_is_allowed(framework: str, method: str) -> None:
    async with Site(framework, cors_allowed_origins="http://there.example") as site:
        lines = ("Origin: http://there.example", "Access-Control-Request-Headers: x-test")
        session = await open_polling(site.port)
        query = session if method == "POST" else "EIO=4&transport=polling"
        body = b"4hello" if method == "POST" else b""
        reply = await fetch(site.port, query, method, *lines, body=body)

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://there.example"
    assert reply.headers["access-control-allow-headers"] == "x-test"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_another_origin_may_not_ask_elsewhere(site: Site, method: str) -> None:
    reply = await fetch(site.port, "EIO=4&transport=polling", method, "Origin: http://evil.example")

    assert reply.status == 400
    assert "access-control-allow-origin" not in reply.headers


async def test_a_websocket_of_another_origin_is_refused(site: Site) -> None:
    async with Raw(site.port) as websocket:
        reply = await websocket.handshake(
            "EIO=4&transport=websocket", "Origin: http://evil.example"
        )

    assert reply.status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(site: Site, method: str) -> None:
    reply = await fetch(site.port, "EIO=4&transport=polling", method)

    assert reply.status == 400
    assert b'"code":2' in reply.body


async def test_an_answer_is_compressed_for_those_who_take_it(site: Site) -> None:
    query = await open_polling(site.port)
    assert (await fetch(site.port, query, "POST", body=b"4" + b"x" * 5000)).body == b"ok"

    reply = await fetch(site.port, query, "GET", "Accept-Encoding: gzip")

    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < 1000


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_connect_handler_can_refuse(site: Site, transport: str) -> None:
    query = f"EIO=4&transport={transport}&refuse=1"
    async with Raw(site.port) as connection:
        if transport == "websocket":
            reply = await connection.handshake(query)
        else:
            await connection.request(query)
            reply = await connection.reply()

    assert (reply.status, reply.body) == (401, b'"go away"')
    assert site.eio.sockets == {}


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: short"),
        ("Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    ],
    ids=["no key", "bad key", "old version"],
)
async def test_a_handshake_that_is_not_valid_is_refused(site: Site, lines: tuple[str, ...]) -> None:
    async with Raw(site.port) as connection:
        upgrade = ("Upgrade: websocket", "Connection: Upgrade")
        await connection.request("EIO=4&transport=websocket", "GET", *upgrade, *lines)
        status = (await connection.reply()).status

    assert status in (400, 426)
    assert site.environs == []


# limits


async def test_a_body_over_the_limit_is_answered_before_all_of_it_has_come(site: Site) -> None:
    query = await open_polling(site.port)

    async with Raw(site.port) as post:
        part = b"4" * (MAX_SIZE + 1)
        await post.request(query, "POST", f"Content-Length: {10 * MAX_SIZE}", body=part)
        reply = await post.reply()

    assert reply.status == 413
    assert site.ended == ["transport error"]


async def test_a_body_in_chunks_is_taken_up_to_the_limit(site: Site) -> None:
    query = await open_polling(site.port)
    chunk = b"186a0\r\n" + b"4" * 100_000 + b"\r\n"

    async with Raw(site.port) as post:
        body = chunk + b"0\r\n\r\n"
        await post.request(query, "POST", "Transfer-Encoding: chunked", body=body)
        assert (await post.reply()).body == b"ok"
    async with Raw(site.port) as post:
        await post.request(query, "POST", "Transfer-Encoding: chunked", body=chunk * 4)
        reply = await post.reply()

    assert reply.status == 413


async def test_a_body_that_breaks_off_ends_the_session(site: Site) -> None:
    query = await open_polling(site.port)

    async with Raw(site.port) as post:
        await post.request(query, "POST", "Content-Length: 100", body=b"4")
        await until(
            lambda: all(session.posting is not None for session in site.eio.sockets.values())
        )
    await until(lambda: bool(site.ended))

    assert site.ended == ["transport error"]


async def test_a_message_of_the_largest_size_is_taken(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.frame(bytes(MAX_SIZE))
        await websocket.text()
        assert await websocket.receive() == (BINARY, bytes(MAX_SIZE))


SEVERAL_AT_ONCE = 5


@pytest.mark.parametrize("fragmented", [False, True], ids=["whole", "fragmented"])
async def test_a_message_over_the_limit_is_answered_with_1009(site: Site, fragmented: bool) -> None:
    for _ in range(SEVERAL_AT_ONCE):
        async with Raw(site.port) as websocket:
            await websocket.open()
            half = b"4" * (MAX_SIZE // 2 + 1)
            if fragmented:
                await websocket.frame(half, TEXT, fin=False)
                await websocket.frame(half, Opcode.CONT)
            else:
                await websocket.frame(half + half, TEXT)
            assert await websocket.close_code() == 1009
    await until(lambda: len(site.ended) == SEVERAL_AT_ONCE)

    assert set(site.ended) == {"transport error"}


# frames


async def test_garbage_is_answered_with_1002(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.frame("garbage")
        code = await websocket.close_code()
        await websocket.frame(code.to_bytes(2, "big"), CLOSE)
        await websocket.ended()

    assert code == 1002
    assert site.ended == ["transport error"]


async def test_text_that_is_not_utf8_is_answered_with_a_close(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.frame(b"4\xff", TEXT)
        assert await websocket.close_code() in (1002, 1007)
    await until(lambda: bool(site.ended))


async def test_frames_that_are_not_masked_are_answered_with_1002(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.send(b"\x81\x024a")
        assert await websocket.close_code() == 1002
    await until(lambda: bool(site.ended))


async def test_a_ping_is_answered(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.text()
        await websocket.frame(b"are you there?", PING)
        assert await websocket.receive() == (PONG, b"are you there?")


async def test_fragments_are_joined(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.text()
        await websocket.frame(b"4hel", TEXT, fin=False)
        await websocket.frame(b"", PING)
        await websocket.frame(b"lo", Opcode.CONT)
        assert await websocket.receive() == (PONG, b"")
        assert await websocket.text() == "4hello"


async def test_a_close_is_answered(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.frame((1000).to_bytes(2, "big"), CLOSE)
        assert await websocket.close_code() == 1000
        await websocket.ended()

    await until(lambda: site.ended == ["transport close"])


async def test_a_connection_that_is_cut_has_ended(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.text()
    await until(lambda: site.ended == ["transport close"])


async def test_a_poll_whose_client_has_gone_ends_the_session(site: Site) -> None:
    query = await open_polling(site.port)

    async with Raw(site.port) as poll:
        await poll.request(query)
        (session,) = site.eio.sockets.values()
        await until(lambda: session.channel is not None)
    await until(lambda: site.ended == ["transport error"])


async def test_many_polls_on_one_connection(site: Site) -> None:
    query = await open_polling(site.port)

    async with Raw(site.port) as poll:
        for number in range(5):
            await poll.request(query)
            reply = await fetch(site.port, query, "POST", body=f"4{number} ".encode())
            assert reply.body == b"ok"
            assert (await poll.reply()).body == f"4{number} ".encode()


# upgrades


async def test_a_probe_without_an_upgrade_leaves_the_session_polling(site: Site) -> None:
    query = await open_polling(site.port)
    async with Raw(site.port) as websocket:
        await websocket.open(query.replace("polling", "websocket"))
        await websocket.frame("2probe")
        assert await websocket.text() == "3probe"
    (session,) = site.eio.sockets.values()
    await until(lambda: not session.upgrading)

    assert (await fetch(site.port, query, "POST", body=b"4still")).body == b"ok"
    assert (await fetch(site.port, query)).body == b"4still"


async def test_a_wrong_probe_is_closed_and_the_session_goes_on(site: Site) -> None:
    query = await open_polling(site.port)
    async with Raw(site.port) as websocket:
        await websocket.open(query.replace("polling", "websocket"))
        await websocket.frame("nonsense")
        assert await websocket.close_code() == 1002

    assert (await fetch(site.port, query, "POST", body=b"4still")).body == b"ok"
    assert (await fetch(site.port, query)).body == b"4still"


async def test_a_second_websocket_of_a_session_is_closed(site: Site) -> None:
    query = (await open_polling(site.port)).replace("polling", "websocket")
    async with Raw(site.port) as first, Raw(site.port) as second:
        await first.open(query)
        await first.frame("2probe")
        assert await first.text() == "3probe"
        await first.frame("5")
        (session,) = site.eio.sockets.values()
        await until(lambda: session.transport == "websocket")
        await second.open(query)
        await second.frame("4ignored")
        assert await second.close_code() == 1000
        await second.frame((1000).to_bytes(2, "big"), CLOSE)
        await second.ended()
        await first.frame("4hello")
        assert await first.text() == "4hello"


# slow clients and the end of the server


async def test_a_client_that_does_not_read_is_closed(site: Site) -> None:
    async with Raw(site.port) as websocket:
        await websocket.open()
        await websocket.text()
        websocket.stop_reading()
        await websocket.frame("4flood")
        await until(lambda: bool(site.ended))

    assert site.ended == ["transport error"]
    assert site.eio.counters.slow_clients_closed == 1


async def test_a_server_with_clients_stops_in_seconds(framework: str) -> None:
    async with Site(framework) as site:
        clients = [Client() for _ in TRANSPORTS]
        for client, (transports, _) in zip(clients, TRANSPORTS.values(), strict=True):
            await client.connect(site, transports)
        started = time.monotonic()
    stopped = time.monotonic()

    assert site.ended == ["server disconnect"] * len(clients)
    assert stopped - started < 2.0
    for client in clients:
        await asyncio.wait_for(client.eio.wait(), IN_SECONDS)


async def test_a_server_stops_although_its_clients_do_not_answer(framework: str) -> None:
    async with Site(framework) as site, Raw(site.port) as websocket:
        await websocket.open()
        started = time.monotonic()
        await site.stop()

    assert time.monotonic() - started < IN_SECONDS


# what connections leave behind


async def _end_by_the_client(port: int) -> None:
    async with Raw(port) as websocket:
        await websocket.open()
        await websocket.frame("4hello")
        await websocket.text()
        assert await websocket.text() == "4hello"
        await websocket.frame((1000).to_bytes(2, "big"), CLOSE)
        await websocket.close_code()
        await websocket.ended()


async def _end_by_the_server(port: int) -> None:
    async with Raw(port) as websocket:
        await websocket.open()
        await websocket.frame("4leave")
        await websocket.close_code()
        await websocket.frame((1000).to_bytes(2, "big"), CLOSE)
        await websocket.ended()


async def _end_by_a_cut(port: int) -> None:
    async with Raw(port) as websocket:
        await websocket.open()
        await websocket.text()


@pytest.mark.parametrize("connection", [_end_by_the_client, _end_by_the_server, _end_by_a_cut])
async def test_nothing_of_ours_waits_for_the_garbage_collector(
    site: Site, connection: Callable[[int], Awaitable[None]]
) -> None:
    await connection(site.port)
    await until(lambda: len(site.ended) == 1)
    site.environs.clear()
    with CollectedByHand() as left:
        for number in range(10):
            await connection(site.port)
            await until(lambda number=number: len(site.ended) == number + 2)
            site.environs.clear()
        await asyncio.sleep(0.01)
        left.collect()

    assert left.ours == []
