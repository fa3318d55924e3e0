"""The Engine.IO clients against servers that misbehave, and what they do to be polite."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests
from aiohttp import web
from colours import COLOURS, engineio_client
from yarl import URL

from engineio.base_client import connected_clients
from engineio.exceptions import ConnectionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PATIENCE = 10
"""Seconds that a test waits for what must happen."""


def open_packet(**changes: Any) -> str:
    announced = {"sid": "s1", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000}
    return "0" + json.dumps({**announced, "maxPayload": 1_000_000, **changes})


class Script:
    """A server that does as it is told: what it answers, and everything it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.handshake: Handler = self.answer(open_packet())
        self.poll: Handler = self.hang
        self.post: Handler = self.answer("ok")
        self.websocket: Handler = self.answer("no", status=400)
        self.never = asyncio.Event()
        self.news = asyncio.Condition()

    @staticmethod
    def answer(body: str | bytes, status: int = 200, **headers: str) -> Handler:
        async def handler(_request: web.Request) -> web.Response:
            data = body.encode() if isinstance(body, str) else body
            return web.Response(status=status, body=data, headers=headers)

        return handler

    @staticmethod
    def frames(*frames: str | bytes, close: bool = True) -> Handler:
        """A WebSocket that sends these frames and then ends or listens."""

        async def handler(request: web.Request) -> web.StreamResponse:
            websocket = web.WebSocketResponse()
            await websocket.prepare(request)
            for frame in frames:
                if isinstance(frame, str):
                    await websocket.send_str(frame)
                else:
                    await websocket.send_bytes(frame)
            if close:
                await websocket.close()
            async for _message in websocket:
                pass
            return websocket

        return handler

    async def hang(self, _request: web.Request) -> web.StreamResponse:
        await self.never.wait()
        return web.Response()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        kind = "websocket" if request.query["transport"] == "websocket" else request.method.lower()
        if kind == "get":
            kind = "poll" if "sid" in request.query else "handshake"
        body = await request.read()
        async with self.news:
            self.requests.append((kind, request.path_qs, dict(request.headers), body))
            self.news.notify_all()
        return await getattr(self, kind)(request)

    async def wait(self, kind: str) -> None:
        """Wait until the client has sent a request of this kind."""
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(lambda: self.asked(kind)), PATIENCE)

    def asked(self, kind: str) -> list[tuple[str, str, dict[str, str], bytes]]:
        return [request for request in self.requests if request[0] == kind]


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield script
    await runner.cleanup()


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def make_client(colour: str) -> AsyncIterator[Callable[..., Any]]:
    clients: list[Any] = []

    def make(**options: Any) -> Any:
        client = engineio_client(colour, handle_sigint=False, **options)
        client.reasons = []
        client.on("disconnect", client.reasons.append)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.disconnect(abort=True)
    assert connected_clients == []


@pytest.fixture
async def client(make_client: Callable[..., Any]) -> Any:
    return make_client(request_timeout=0.5)


async def ended(client: Any) -> str:
    """Wait until the connection has ended by itself; return the reason."""
    await asyncio.wait_for(client.wait(), PATIENCE)
    [reason] = client.reasons
    return str(reason)


# refused and malformed handshakes

HANDSHAKES = {
    "empty": (("",), ("OPEN packet not returned by server",)),
    "not an OPEN packet": (("4hi",), ("OPEN packet not returned by server",)),
    "binary": (("bAAE=",), ("OPEN packet not returned by server",)),
    "not UTF-8": ((b"\xff",), ("Unexpected response from server",)),
    "not base64": (("b!",), ("Unexpected response from server",)),
    "not JSON": (("0{",), ("Unexpected response from server",)),
    "not an object": (("0[]",), ("Unexpected response from server",)),
    "nothing in it": (("0{}",), ("Unexpected response from server",)),
    "sid is a number": ((open_packet(sid=1),), ("Unexpected response from server",)),
    "bad durations": ((open_packet(pingInterval="x"),), ("Unexpected response from server",)),
    "refused with JSON": (
        ('{"a": 1}', 401),
        ("Unexpected status code 401 in server response", {"a": 1}),
    ),
    "refused with text": (
        ("no", 500),
        ("Unexpected status code 500 in server response", None),
    ),
}


@pytest.mark.parametrize(("answer", "args"), HANDSHAKES.values(), ids=HANDSHAKES.keys())
async def test_a_bad_polling_handshake_is_a_connection_error(script, client, answer, args):
    script.handshake = script.answer(*answer)

    with pytest.raises(ConnectionError) as caught:
        await client.connect(script.url)

    assert caught.value.args == args
    assert (client.state, client.sid, client.http) == ("disconnected", None, None)


FIRST_FRAMES = {
    "not an OPEN packet": (("4hi",), "no OPEN packet"),
    "binary": ((b"\x00",), "no OPEN packet"),
    "not JSON": (("0{",), "Unexpected response from server"),
    "nothing in it": (("0{}",), "Unexpected response from server"),
    "closed before": ((), "Unexpected recv exception: the WebSocket was closed with code 1000"),
}


@pytest.mark.parametrize(("frames", "text"), FIRST_FRAMES.values(), ids=FIRST_FRAMES.keys())
async def test_a_bad_websocket_handshake_is_a_connection_error(script, client, frames, text):
    script.websocket = script.frames(*frames)

    with pytest.raises(ConnectionError) as caught:
        await client.connect(script.url, transports="websocket")

    assert caught.value.args == (text,)
    assert (client.state, client.sid, client.http) == ("disconnected", None, None)


async def test_a_refused_websocket_is_a_connection_error(script, client):
    with pytest.raises(ConnectionError) as caught:
        await client.connect(script.url, transports=["websocket"])

    assert caught.value.args == ("Connection error",)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_silent_server_is_given_up(script, client, transport):
    script.handshake = script.websocket = script.hang

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(client.connect(script.url, transports=transport), PATIENCE)


async def test_a_websocket_without_open_packet_is_given_up(script, client):
    script.websocket = script.frames(close=False)

    with pytest.raises(ConnectionError, match="Unexpected recv exception"):
        await asyncio.wait_for(client.connect(script.url, transports="websocket"), PATIENCE)


async def test_a_client_connects_after_a_bad_handshake(script, client):
    script.handshake = script.answer("0{}")
    with pytest.raises(ConnectionError):
        await client.connect(script.url)
    script.handshake = script.answer(open_packet())

    await client.connect(script.url)

    assert client.state == "connected"


# upgrades that fail

PROBES = {
    "refused": Script.answer("no", status=403),
    "closed": Script.frames(),
    "another answer": Script.frames("3prob", close=False),
    "binary answer": Script.frames(b"3probe", close=False),
    "no answer": Script.frames(close=False),
}


@pytest.mark.parametrize("websocket", PROBES.values(), ids=PROBES.keys())
async def test_a_failed_upgrade_leaves_polling(script, client, websocket):
    script.handshake = script.answer(open_packet(upgrades=["websocket"]))
    script.websocket = websocket

    await asyncio.wait_for(client.connect(script.url), PATIENCE)
    await client.send("hi")
    await client.queue.join()

    assert client.transport() == "polling"
    assert [body for _, _, _, body in script.asked("post")] == [b"4hi"]


# connections that break

BREAKS = {
    "poll refused": (Script.answer('"unknown sid"', status=400), "transport error"),
    "not UTF-8": (Script.answer(b"\xff"), "transport error"),
    "unknown packet": (Script.answer("4ok\x1e9"), "transport error"),
    "close packet": (Script.answer("4ok\x1e1\x1e4late"), "transport close"),
}


@pytest.mark.parametrize(("poll", "reason"), BREAKS.values(), ids=BREAKS.keys())
async def test_a_broken_poll_ends_the_connection(script, client, poll, reason):
    received: list[str] = []
    client.on("message", received.append)
    script.poll = poll

    await client.connect(script.url)

    assert await ended(client) == reason
    assert "late" not in received


async def test_a_refused_post_ends_the_connection(script, client):
    script.post = script.answer("no", status=400)
    await client.connect(script.url)

    await client.send("hi")

    assert await ended(client) == "transport error"


async def test_a_response_that_is_too_large_ends_the_connection(script, client):
    client.max_receive_size = 1000
    script.poll = script.answer("4" + "x" * 1000)

    await client.connect(script.url)

    assert await ended(client) == "transport error"


async def test_a_frame_that_is_too_large_ends_the_connection(script, client):
    client.max_receive_size = 1000
    script.websocket = script.frames(open_packet(), "4" + "x" * 1001, close=False)

    await client.connect(script.url, transports="websocket")

    assert await ended(client) == "transport error"


async def test_a_websocket_without_pings_is_given_up(script, client):
    opening = open_packet(pingInterval=100, pingTimeout=100)
    script.websocket = script.frames(opening, close=False)

    await client.connect(script.url, transports="websocket")

    assert await ended(client) == "transport error"


async def test_a_handshake_response_may_bring_messages_and_the_end(script, client):
    received: list[str] = []
    client.on("message", received.append)
    script.handshake = script.answer(open_packet() + "\x1e4first\x1e2\x1e1")

    await client.connect(script.url)

    assert await ended(client) == "transport close"
    assert received == ["first"]


# headers, cookies, queries


async def test_headers_and_query_go_with_every_request(script, client):
    headers = {"X-Token": "t", "Cookie": "mine=1", "content-type": "x/y"}
    script.handshake = script.answer(
        open_packet(upgrades=["websocket"]), **{"Set-Cookie": "sticky=a+/==; Path=/"}
    )
    await client.connect(f"{script.url}/ignored?who=me", headers, engineio_path="/my/path/")
    await client.send("hi")
    await client.queue.join()
    await script.wait("poll")

    kinds = {kind for kind, _, _, _ in script.requests}
    assert kinds == {"handshake", "websocket", "poll", "post"}
    for kind, path, sent, _ in script.requests:
        assert sent["X-Token"] == "t"
        cookies = {"mine=1"} if kind == "handshake" else {"mine=1", "sticky=a+/=="}
        assert set(sent["Cookie"].split("; ")) == cookies
        assert path.startswith("/my/path/?who=me&transport=")
        assert ("&t=" in path) is (kind != "post")
    [(_, _, sent, _)] = script.asked("post")
    assert sent["Content-Type"].startswith("text/plain")
    assert headers == {"X-Token": "t", "Cookie": "mine=1", "content-type": "x/y"}


async def a_session_with_cookies(colour: str, cookies: dict[str, str]) -> Any:
    """A session of the HTTP client whose cookies, ``name=value``, belong to these hosts."""
    if colour == "asyncio":
        jar = aiohttp.CookieJar(unsafe=True)  # also takes cookies for addresses
        for cookie, host in cookies.items():
            jar.update_cookies([cookie.split("=")], URL(f"http://{host}/"))
        return aiohttp.ClientSession(cookie_jar=jar)
    session = requests.Session()
    for cookie, host in cookies.items():
        session.cookies.set(*cookie.split("="), domain=host, path="/")
    return session


@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]], ids="+".join)
async def test_the_websocket_gets_the_cookies_of_its_own_host_only(
    script, make_client, colour, transports
):
    cookies = {"own=1": "127.0.0.1", "foreign=2": "other.example"}
    session = await a_session_with_cookies(colour, cookies)
    client = make_client(http_session=session)
    script.handshake = script.answer(open_packet(upgrades=["websocket"]))
    frames = [open_packet()] if transports == ["websocket"] else []
    script.websocket = script.frames(*frames, close=False)

    await client.connect(script.url, {"Cookie": "mine=0"}, transports)
    await script.wait("websocket")
    await client.disconnect()
    if colour == "asyncio":
        await session.close()
    else:
        session.close()

    [(_, _, sent, _)] = script.asked("websocket")
    assert set(sent["Cookie"].split("; ")) == {"mine=0", "own=1"}


WEBSOCKET_OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "asyncio": lambda: {"headers": {"X-Extra": "2"}, "origin": "http://o"},
    "threads": lambda: {"header": {"X-Extra": "2"}, "origin": "http://o"},
}


async def test_websocket_options_are_merged_and_not_changed(script, make_client, colour):
    options = WEBSOCKET_OPTIONS[colour]()
    client = make_client(websocket_extra_options=options)
    script.websocket = script.frames(open_packet(), close=False)

    for _ in range(2):
        await client.connect(script.url, {"X-Token": "t"}, "websocket")
        await client.disconnect()

    for _, _, sent, _ in script.requests:
        assert (sent["X-Token"], sent["X-Extra"]) == ("t", "2")
        assert sent["Origin"] == "http://o"
    assert options == WEBSOCKET_OPTIONS[colour]()


# sessions


class RequestsSession(requests.Session):
    """A session of the client of threads that knows whether it was closed."""

    closed = False

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture
async def make_session(colour: str) -> AsyncIterator[Callable[[], Any]]:
    """Make HTTP sessions of a client's kind."""
    sessions: list[Any] = []

    def make(**headers: str) -> Any:
        session: Any
        if colour == "asyncio":
            session = aiohttp.ClientSession(headers=headers)
        else:
            session = RequestsSession()
            session.headers.update(headers)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        closing = session.close()
        if closing is not None:
            await closing


async def test_an_external_session_stays_open(script, make_client, make_session):
    session = make_session()
    client = make_client(http_session=session)

    await client.connect(script.url)
    await client.disconnect()

    assert client.external_http
    assert client.http is session
    assert not session.closed


async def test_a_factory_makes_a_session_for_each_connection(script, make_client, make_session):
    made: list[Any] = []

    def factory() -> Any:
        made.append(make_session())
        return made[-1]

    client = make_client(http_session=factory)
    for _ in range(2):
        await client.connect(script.url)
        await client.disconnect()

    assert client.http_factory is factory
    assert len(made) == 2
    assert all(session.closed for session in made)


async def test_a_factory_of_the_asyncio_client_may_be_a_coroutine_function(script):
    made: list[aiohttp.ClientSession] = []

    async def factory() -> aiohttp.ClientSession:
        made.append(aiohttp.ClientSession())
        return made[-1]

    client = engineio_client("asyncio", handle_sigint=False, http_session=factory)
    await client.connect(script.url)
    await client.disconnect()

    assert [session.closed for session in made] == [True]


async def test_an_assigned_session_is_used_and_left_open(script, client, make_session):
    session = client.http = make_session(**{"X-Session": "1"})

    await client.connect(script.url)
    await client.disconnect()

    assert not session.closed
    assert script.requests[0][2]["X-Session"] == "1"


async def test_a_closed_session_of_aiohttp_is_a_connection_error(script):
    session = aiohttp.ClientSession()
    await session.close()
    client = engineio_client("asyncio", handle_sigint=False, http_session=session)

    with pytest.raises(ConnectionError, match="the HTTP session is closed"):
        await client.connect(script.url)


# the application's side


async def test_disconnecting_in_the_connect_handler_is_no_failure(script, client):
    reasons: list[str] = []
    client.on("connect", client.disconnect)
    client.on("disconnect", reasons.append)

    await client.connect(script.url)

    assert client.state == "disconnected"
    assert reasons == ["client disconnect"]
    assert [body for _, _, _, body in script.asked("post")] == [b"1"]


async def test_a_failing_connect_handler_refuses_the_connection(script, client):
    @client.on("connect")
    def connect() -> None:
        raise ValueError("not today")

    with pytest.raises(ConnectionError) as caught:
        await client.connect(script.url)

    assert caught.value.args == ("Connect handler failed: not today",)
    assert client.state == "disconnected"
    assert [body for _, _, _, body in script.asked("post")] == [b"1"]


async def test_a_cancelled_connect_leaves_nothing(script):
    client = engineio_client("asyncio", handle_sigint=False)
    script.handshake = script.hang
    connecting = asyncio.ensure_future(client.connect(script.url))
    await script.wait("handshake")

    connecting.cancel()
    await asyncio.wait({connecting})

    assert connecting.cancelled()
    assert (client.state, client.http) == ("disconnected", None)


async def test_connecting_twice_is_an_error(script, client):
    script.handshake = script.hang
    connecting = asyncio.ensure_future(client.connect(script.url))
    await script.wait("handshake")

    with pytest.raises(ValueError, match="Client is not in a disconnected state"):
        await client.connect(script.url)

    connecting.cancel()
    await asyncio.wait({connecting})


async def test_a_disconnect_handler_may_take_no_reason_and_connect_again(script, client):
    script.poll = script.answer("1")
    again = asyncio.Event()

    @client.on("disconnect")
    async def disconnect() -> None:
        script.poll = script.hang
        again.set()

    await client.connect(script.url)
    await asyncio.wait_for(again.wait(), PATIENCE)
    await client.wait()
    await client.connect(script.url)

    assert client.state == "connected"


async def test_a_type_error_in_a_disconnect_handler_does_not_run_it_twice(script, client):
    calls: list[str] = []

    @client.on("disconnect")
    def disconnect(reason: str) -> None:
        calls.append(reason)
        raise TypeError("a mistake of the application")

    await client.connect(script.url)
    await client.disconnect()

    assert calls == ["client disconnect"]


async def test_messages_start_in_order_before_the_disconnect_handler(script, client):
    seen: list[str] = []

    @client.on("message")
    async def message(data: str) -> None:
        seen.append(data)
        await asyncio.sleep(0)

    client.on("disconnect", seen.append)
    script.poll = script.answer("\x1e".join([f"4m{n}" for n in range(50)] + ["1"]))

    await client.connect(script.url)
    await client.wait()

    assert seen == [f"m{n}" for n in range(50)] + ["transport close"]


async def test_sending_waits_while_the_server_does_not_read(script, make_client):
    client = make_client(request_timeout=PATIENCE, max_send_buffer=10_000)
    may_answer = asyncio.Event()

    async def post(_request: web.Request) -> web.StreamResponse:
        await may_answer.wait()
        return web.Response(body=b"ok")

    script.post = post
    await client.connect(script.url)

    async def flood() -> None:
        for _ in range(100):
            await client.send("x" * 1000)

    flooding = asyncio.ensure_future(flood())
    await script.wait("post")
    assert not flooding.done()
    assert client.queue.qsize() < 20

    may_answer.set()
    await asyncio.wait_for(flooding, PATIENCE)
    await client.queue.join()
    assert b"".join(body for _, _, _, body in script.asked("post")).count(b"x" * 1000) == 100
    await client.disconnect()


async def test_a_waiting_sender_gives_up_when_the_connection_ends(script, make_client):
    client = make_client(max_send_buffer=1)
    script.post = script.hang
    await client.connect(script.url)
    await client.send("first")
    waiting = asyncio.ensure_future(client.send("second"))
    await asyncio.sleep(0)

    await client.disconnect(abort=True)

    await asyncio.wait_for(waiting, PATIENCE)


@pytest.mark.parametrize("data", [None, 5, True, "", [], {}])
async def test_sending_without_a_connection_is_silently_dropped(client, data):
    await client.send(data)

    assert client.queue.empty()


# a layer above


class Layer:
    """Records what it is told, and in which state of the client."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[tuple[Any, ...]] = []

    async def opened(self) -> None:
        self.calls.append(("opened", self.client.state))

    async def received(self, data: str | bytes) -> None:
        await asyncio.sleep(0)
        self.calls.append(("received", data))

    async def closed(self, reason: str) -> None:
        self.calls.append(("closed", reason, self.client.state))


async def test_a_layer_gets_everything_raw_and_in_order(script, client):
    layer = Layer(client)
    client.on("message", lambda _data: pytest.fail("the layer takes the messages"))
    client.attach_layer(layer)
    script.poll = script.answer("4{}\x1ebAAE=\x1e412\x1e1")

    await client.connect(script.url)
    await client.wait()

    assert layer.calls == [
        ("opened", "connected"),
        ("received", "{}"),
        ("received", b"\x00\x01"),
        ("received", "12"),
        ("closed", "transport close", "connected"),
    ]


async def test_a_layer_is_told_of_a_disconnect_once(script, client):
    layer = Layer(client)
    client.attach_layer(layer)

    await client.connect(script.url)
    await asyncio.gather(client.disconnect(), client.disconnect(reason="other"))

    assert layer.calls == [
        ("opened", "connected"),
        ("closed", "client disconnect", "disconnecting"),
    ]


async def test_a_layer_may_disconnect_while_it_receives(script, client):
    layer = Layer(client)

    async def received(_data: str | bytes) -> None:
        await client.disconnect()

    layer.received = received  # type: ignore[method-assign]
    client.attach_layer(layer)
    script.poll = script.answer("4x\x1e4y")

    await client.connect(script.url)
    await asyncio.wait_for(client.wait(), PATIENCE)

    assert [call[0] for call in layer.calls] == ["opened", "closed"]


# SIGINT and a missing aiohttp, in processes of their own

INTERRUPTED = """
import asyncio, sys
from engineio import AsyncClient

async def main():
    client = AsyncClient()
    client.on("disconnect", lambda reason: print(reason, flush=True))
    await client.connect(sys.argv[1])
    print("connected", flush=True)
    await asyncio.Event().wait()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


async def test_sigint_says_goodbye_and_interrupts(script):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INTERRUPTED, script.url, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"connected\n"

    process.send_signal(signal.SIGINT)

    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert output.split(b"\n") == [b"client disconnect", b"interrupted", b""]
    assert [body for _, _, _, body in script.asked("post")] == [b"1"]


APPLICATION_HANDLES_SIGINT = """
import asyncio, signal, sys
from engineio import AsyncClient

async def main():
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
    client = AsyncClient()
    await client.connect(sys.argv[1])
    print("connected", flush=True)
    await stopped.wait()
    print(client.state, flush=True)
    await client.disconnect()

asyncio.run(main())
"""


async def test_the_applications_own_sigint_handler_stays(script):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", APPLICATION_HANDLES_SIGINT, script.url, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"connected\n"

    process.send_signal(signal.SIGINT)

    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert output == b"connected\n"
    assert process.returncode == 0


WITHOUT_AIOHTTP = """
import asyncio, sys
sys.modules["aiohttp"] = None
import engineio
try:
    asyncio.run(engineio.AsyncClient().connect("http://127.0.0.1:1"))
except ModuleNotFoundError as error:
    print(error)
"""


def test_a_missing_aiohttp_is_named_with_its_extra():
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_AIOHTTP], capture_output=True, text=True, env=os.environ
    )

    assert "python-engineio[asyncio-client]" in result.stdout
