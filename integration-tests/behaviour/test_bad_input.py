"""What a peer does wrong gets the documented answer, and leaves nothing behind.

Every test ends as the fixture ``bad`` demands: the server holds what it held before, has written
next to nothing into its log, and serves an ordinary client.
"""

from __future__ import annotations

import asyncio
import base64
import re
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, Any

import pytest

from .raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PATH,
    PING,
    POLLING,
    TEXT,
    WEBSOCKET,
    Connection,
    WebSocket,
    fetch,
    make_frame,
    open_polling,
    upgrade_headers,
)
from .servers import MODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .servers import Server

LEFT_BEHIND = ("sessions", "environs", "rooms", "tasks", "descriptors")
LINGERS = ("hypercorn",)
"""Web servers that keep a connection for five seconds after a client has cut it."""

READ_THE_BODY_FIRST = ("daphne", "uwsgi")
"""Web servers that call an application when all of the body has come, or whose own timeout ends
the wait for it."""

READ_FRAMES = ("uvicorn", "hypercorn", "daphne", "granian", "sanic-asgi")
"""Web servers that answer in their own way what cannot be decoded, before we see it."""

READ_THE_REST = ("aiohttp", "tornado")
"""Web servers that wait for 10 seconds if the rest of a body comes that was answered early."""

MAX_BODY = 20_000
MAX_ATTACHMENT_BYTES = 30_000
STRICT = {
    "max_http_buffer_size": MAX_BODY,
    "max_attachments": 3,
    "max_attachment_bytes": MAX_ATTACHMENT_BYTES,
    "max_namespaces": 2,
}
IMPATIENT = {
    **STRICT,
    "connect_timeout": 1,
    "upgrade_timeout": 0.3,
    "attachment_timeout": 0.3,
    "body_timeout": 2,
}

STALLING = {**STRICT, "body_timeout": 2}
"""Leaves the time to do something while a body stalls, on a busy machine too."""

REPETITIONS = 40
MANY_REPETITIONS = 200
AT_ONCE = 20
MAX_LOG_LINES = 10
"""Lines that a server may add to its log for any number of repetitions."""

WEB_SERVER = re.compile(
    r"^INFO: |ERROR: +ASGI callable returned without completing handshake|127\.0\.0\.1 - - |\[pid: "
)
"""What uvicorn tells of each connection, the second after each refused handshake, by mistake; and
wsgiref and uWSGI of each request."""

UNKNOWN_TRANSPORT, UNKNOWN_SID, BAD_METHOD = (400, 0), (400, 1), (400, 2)
BAD_REQUEST, FORBIDDEN, BAD_VERSION, TOO_LARGE = (400, 3), (400, 4), (400, 5), (413, 3)
PROTOCOL_ERROR, TOO_BIG = 1002, 1009


@pytest.fixture(params=["uvicorn", "fast", "hypercorn"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["patient"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"patient": STRICT, "impatient": IMPATIENT, "stalled": STALLING}[request.param]


impatient = pytest.mark.parametrize("options", ["impatient"], indirect=True)
fast_path = pytest.mark.parametrize("mode", ["fast"], indirect=True)
uvicorn_and_fast_path = pytest.mark.parametrize("mode", ["uvicorn", "fast"], indirect=True)
"""What another web server answers by itself, each in its own way, before we see it."""


@pytest.fixture
async def bad(server: Server) -> AsyncIterator[Server]:
    """The server; afterwards it must be as if nothing had happened."""
    before = await server.status()
    lines = len(server.log)
    yield server
    names = LEFT_BEHIND[:-1] if server.mode in LINGERS else LEFT_BEHIND
    await server.settled({name: before[name] for name in names})
    await serves(server)
    await server.settled({name: before[name] for name in names})
    added = [line for line in server.log[lines:] if not WEB_SERVER.match(line)]
    assert "Traceback" not in "".join(added), "".join(added)
    assert len(added) <= MAX_LOG_LINES, "".join(added)


async def serves(server: Server) -> None:
    """Be an ordinary client."""
    if not server.kind.has_websocket:
        await still_polls(server, await open_polling(server, join=True))
        return
    async with WebSocket(server) as websocket:
        await websocket.open()
        await websocket.join()
        await websocket.frame('420["echo","hello"]')
        assert await websocket.text() == '430["hello"]'


async def repeat(attempt: Callable[[], Awaitable[Any]], answer: Any) -> None:
    """Make the same attempt again and again; each gets the same answer."""
    for _ in range(REPETITIONS // AT_ONCE):
        answers = await asyncio.gather(*[attempt() for _ in range(AT_ONCE)])
        assert answers == [answer] * AT_ONCE


async def gone(server: Server, query: str) -> None:
    """The session of these requests is unknown."""
    assert (await fetch(server, query)).code == UNKNOWN_SID


# requests


REQUESTS: dict[str, tuple[str, dict[str, Any], tuple[int, int]]] = {
    "unknown sid": (f"{POLLING}&sid=nobody", {}, UNKNOWN_SID),
    "POST to an unknown sid": (
        f"{POLLING}&sid=nobody", {"method": "POST", "body": b"4"}, UNKNOWN_SID,
    ),
    "old version": ("EIO=3&transport=polling", {}, BAD_VERSION),
    "new version": ("EIO=5&transport=polling", {}, BAD_VERSION),
    "no version": ("transport=polling", {}, BAD_VERSION),
    "empty version": ("EIO=&transport=polling", {}, BAD_VERSION),
    "repeated version": ("EIO=4&EIO=4&transport=polling", {}, BAD_VERSION),
    "unknown transport": ("EIO=4&transport=pigeon", {}, UNKNOWN_TRANSPORT),
    "no transport": ("EIO=4", {}, UNKNOWN_TRANSPORT),
    "no query": ("", {}, UNKNOWN_TRANSPORT),
    "no upgrade": (WEBSOCKET, {}, BAD_REQUEST),
    "handshake by POST": (POLLING, {"method": "POST", "body": b""}, BAD_METHOD),
    "handshake by PUT": (POLLING, {"method": "PUT", "body": b""}, BAD_METHOD),
    "handshake by DELETE": (POLLING, {"method": "DELETE"}, BAD_METHOD),
    "JSONP index of letters": (f"{POLLING}&j=alert(1)", {}, BAD_REQUEST),
    "negative JSONP index": (f"{POLLING}&j=-1", {}, BAD_REQUEST),
    "endless JSONP index": (f"{POLLING}&j={'1' * 1000}", {}, BAD_REQUEST),
    "forged origin": (POLLING, {"headers": [("Origin", "http://evil.example")]}, FORBIDDEN),
    "null origin": (POLLING, {"headers": [("Origin", "null")]}, FORBIDDEN),
    "origin that begins like ours": (
        POLLING, {"headers": [("Origin", "http://127.0.0.1.evil.example")]}, FORBIDDEN,
    ),
    "forged preflight": (
        POLLING, {"method": "OPTIONS", "headers": [("Origin", "http://evil.example")]}, FORBIDDEN,
    ),
}  # fmt: skip


async def try_request(server: Server, query: str, request: dict[str, Any]) -> Any:
    return (await fetch(server, query, **request)).code


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_that_opens_nothing(bad: Server, name: str) -> None:
    *request, answer = REQUESTS[name]

    await repeat(lambda: try_request(bad, *request), answer)


HANDSHAKES: dict[str, tuple[str, list[tuple[str, str]], tuple[int, int]]] = {
    "unknown sid": (f"{WEBSOCKET}&sid=nobody", [], UNKNOWN_SID),
    "old version": ("EIO=3&transport=websocket", [], BAD_VERSION),
    "unknown transport": ("EIO=4&transport=pigeon", [], UNKNOWN_TRANSPORT),
    "polling": (POLLING, [], BAD_REQUEST),
    "forged origin": (WEBSOCKET, [("Origin", "http://evil.example")], FORBIDDEN),
    "null origin": (WEBSOCKET, [("Origin", "null")], FORBIDDEN),
}


async def try_handshake(server: Server, query: str, headers: list[tuple[str, str]]) -> Any:
    async with WebSocket(server) as websocket:
        return (await websocket.handshake(query, headers)).code


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_a_handshake_that_is_refused(bad: Server, name: str) -> None:
    *handshake, answer = HANDSHAKES[name]

    await repeat(lambda: try_handshake(bad, *handshake), answer)


@uvicorn_and_fast_path
@pytest.mark.parametrize("key", ["", "short", "?" * 24])
async def test_a_handshake_without_a_valid_key(bad: Server, key: str) -> None:
    headers = [pair for pair in upgrade_headers() if pair[0] != "Sec-WebSocket-Key"]

    async def attempt() -> int:
        async with Connection(bad) as connection:
            await connection.request(WEBSOCKET, headers=[*headers, ("Sec-WebSocket-Key", key)])
            return (await connection.reply()).status

    await repeat(attempt, 400)


@pytest.mark.parametrize(
    "headers",
    [
        [("Cookie", "a=" + "b" * 7_000)],
        [(f"X-Header-{number}", "x" * 20) for number in range(100)],
    ],
    ids=["cookie", "headers"],
)
async def test_as_many_headers_as_a_proxy_lets_through(
    bad: Server, headers: list[tuple[str, str]]
) -> None:
    async def attempt() -> int:
        async with WebSocket(bad) as websocket:
            return (await websocket.handshake(headers=headers)).status

    await repeat(attempt, 101)


@fast_path
@pytest.mark.parametrize(
    "headers",
    [
        [("Cookie", "a=" + "b" * 300_000)],
        [(f"X-Header-{number}", "x" * 100) for number in range(2_000)],
    ],
    ids=["cookie", "headers"],
)
async def test_a_flood_of_headers(bad: Server, headers: list[tuple[str, str]]) -> None:
    async def attempt() -> int:
        async with WebSocket(bad) as websocket:
            try:
                return (await websocket.handshake(headers=headers)).status
            except (ConnectionError, asyncio.IncompleteReadError):
                return 0

    status = await attempt()
    assert status in (0, 101, 400, 431, 500)
    for _ in range(20):
        assert await attempt() == status


# long-polling


async def test_a_method_that_a_session_does_not_know(bad: Server) -> None:
    query = await open_polling(bad)

    async def attempt() -> Any:
        return (await fetch(bad, query, "PUT", body=b"4")).code

    await repeat(attempt, BAD_METHOD)
    assert (await fetch(bad, query, "POST", body=b"1")).body == b"ok"


async def test_a_second_get(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as first:
            await first.request(query)
            await bad.status()
            second = await fetch(bad, query)
            waiting = await first.reply()
        await gone(bad, query)
        return waiting.status, waiting.body, second.code

    await repeat(attempt, (200, b"1", BAD_REQUEST))


async def test_a_second_post(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as get, Connection(bad) as first:
            await get.request(query)
            await first.request(query, "POST", body=b"4", length=3)
            await bad.status()
            second = await fetch(bad, query, "POST", body=b"40")
            waiting = await get.reply()
            late = await first.reply()
        await gone(bad, query)
        return waiting.body, second.code, late.code

    await repeat(attempt, (b"1", BAD_REQUEST, BAD_REQUEST))


async def test_a_body_that_is_too_large(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as get:
            await get.request(query)
            await bad.status()
            post = await fetch(bad, query, "POST", body=b"4" * (MAX_BODY + 1))
            waiting = await get.reply()
        await gone(bad, query)
        return post.code, waiting.body

    await repeat(attempt, (TOO_LARGE, b"1"))


async def test_a_body_that_announces_too_much(bad: Server) -> None:
    """It is answered when the limit is passed, not when all has come."""

    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as post:
            await post.request(query, "POST", body=b"4" * (MAX_BODY + 1), length=10**9)
            code = (await post.reply()).code
        await gone(bad, query)
        return code

    await repeat(attempt, TOO_LARGE)


CHUNKED = [("Transfer-Encoding", "chunked")]
CHUNK = b"3e8\r\n" + b"4" * 1000 + b"\r\n"


async def test_a_chunked_body_that_is_too_large(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as post:
            body = CHUNK * (MAX_BODY // 1000 + 1) + b"0\r\n\r\n"
            await post.request(query, "POST", body=body, headers=CHUNKED, length=-1)
            code = (await post.reply()).code
        await gone(bad, query)
        return code

    await repeat(attempt, TOO_LARGE)


@uvicorn_and_fast_path
async def test_a_chunked_body_without_an_end(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as post:
            await post.request(query, "POST", body=b"", headers=CHUNKED, length=-1)
            reply = asyncio.ensure_future(post.reply())
            while not reply.done():
                await post.send(CHUNK)
                await asyncio.sleep(0)
            code = reply.result().code
        await gone(bad, query)
        return code

    await repeat(attempt, TOO_LARGE)


async def test_a_chunked_body_within_the_limit_is_served(bad: Server) -> None:
    query = await open_polling(bad)
    body = b"2\r\n40\r\n0\r\n\r\n"

    reply = await fetch(bad, query, "POST", body=body, headers=CHUNKED, length=-1)

    assert (reply.status, reply.body) == (200, b"ok")
    assert (await fetch(bad, query)).body.startswith(b'40{"sid"')
    await fetch(bad, query, "POST", body=b"1")


async def test_a_body_that_breaks_off(bad: Server) -> None:
    async def attempt() -> None:
        query = await open_polling(bad)
        async with Connection(bad) as get:
            await get.request(query)
            async with Connection(bad) as post:
                await post.request(query, "POST", body=b'42["echo"', length=1000)
                await bad.status()
            assert (await get.reply()).body == b"1"
        await gone(bad, query)

    await repeat(attempt, None)


STALLED: dict[str, dict[str, Any]] = {
    "a length": {"body": b"4", "length": 1000},
    "chunks": {"body": CHUNK, "headers": CHUNKED, "length": -1},
}

every_reader = pytest.mark.parametrize(
    "mode", [mode for mode in MODES if mode not in READ_THE_BODY_FIRST], indirect=True
)


@every_reader
@pytest.mark.parametrize("name", STALLED)
async def test_a_body_that_stalls_is_not_waited_for_after_its_session(
    bad: Server, name: str
) -> None:
    query = await open_polling(bad)
    async with Connection(bad) as post:
        await post.request(query, "POST", **STALLED[name])
        await bad.status()
        assert (await fetch(bad, query, "POST", body=b"40")).code == BAD_REQUEST
        assert (await post.reply()).code == BAD_REQUEST
        await gone(bad, query)
        if bad.mode not in READ_THE_REST:
            await post.ended()


@pytest.mark.websocket
@pytest.mark.parametrize("options", ["stalled"], indirect=True)
@every_reader
@pytest.mark.parametrize("name", STALLED)
async def test_a_body_that_stalls_ends_its_session(bad: Server, name: str) -> None:
    """Also where the client goes on to answer PINGs, over a WebSocket."""

    async def attempt() -> Any:
        query = await open_polling(bad)
        async with Connection(bad) as post, WebSocket(bad) as websocket:
            await post.request(query, "POST", **STALLED[name])
            await bad.status()
            await upgrade(bad, websocket, query)
            code = (await post.reply()).code
            return code, await websocket.close_code()

    answers = await asyncio.gather(*[attempt() for _ in range(5)])

    assert answers == [(BAD_REQUEST, PROTOCOL_ERROR)] * 5


BODIES: dict[str, tuple[bytes, tuple[int, int]]] = {
    "nothing": (b"", BAD_REQUEST),
    "garbage": (b"garbage", BAD_REQUEST),
    "a separator": (b"\x1e", BAD_REQUEST),
    "an empty packet": (b"3\x1e\x1e3", BAD_REQUEST),
    "an unknown type": (b"9", BAD_REQUEST),
    "a server's packet": (b'0{"sid":"x"}', BAD_REQUEST),
    "an upgrade": (b"5", BAD_REQUEST),
    "a payload of revision 3": (b"2:40", BAD_REQUEST),
    "invalid base64": (b"b!!!!", BAD_REQUEST),
    "invalid UTF-8": (b'42["echo","\xff\xfe"]', BAD_REQUEST),
    "too many packets": (b"\x1e".join([b"3"] * 1001), TOO_LARGE),
}


async def try_body(server: Server, body: bytes) -> Any:
    query = await open_polling(server)
    code = (await fetch(server, query, "POST", body=body)).code
    await gone(server, query)
    return code


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_cannot_be_decoded(bad: Server, name: str) -> None:
    body, answer = BODIES[name]

    await repeat(lambda: try_body(bad, body), answer)


async def test_a_jsonp_body_that_is_none(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        code = (await fetch(bad, f"{query}&j=0", "POST", body=b"40")).code
        await gone(bad, query)
        return code

    await repeat(attempt, BAD_REQUEST)


# frames


FRAMES: dict[str, tuple[bytes, int]] = {
    "empty": (make_frame(b""), PROTOCOL_ERROR),
    "garbage": (make_frame(b"garbage"), PROTOCOL_ERROR),
    "a server's packet": (make_frame(b'0{"sid":"x"}'), PROTOCOL_ERROR),
    "a probe": (make_frame(b"2probe"), PROTOCOL_ERROR),
    "an upgrade": (make_frame(b"5"), PROTOCOL_ERROR),
    "two packets": (make_frame(b"40\x1e40"), PROTOCOL_ERROR),
    "binary first": (make_frame(b"binary", BINARY), PROTOCOL_ERROR),
    "empty binary first": (make_frame(b"", BINARY), PROTOCOL_ERROR),
    "too large": (make_frame(b"4" * (MAX_BODY + 1)), TOO_BIG),
    "too large in characters of two bytes": (make_frame(b"4" + "é".encode() * 10_000), TOO_BIG),
    "too large in fragments": (
        make_frame(b"4" * 15_000, fin=False) + make_frame(b"4" * 15_000, CONTINUATION), TOO_BIG,
    ),
}  # fmt: skip


async def try_frames(server: Server, frames: bytes) -> int:
    async with WebSocket(server) as websocket:
        await websocket.open()
        await websocket.send(frames)
        code: int = await websocket.close_code()
        await websocket.frame(b"\x03\xe8", CLOSE)
        await websocket.ended()
        return code


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_that_cannot_be_decoded(bad: Server, name: str) -> None:
    frames, answer = FRAMES[name]

    await repeat(lambda: try_frames(bad, frames), answer)


NOT_WEBSOCKET: dict[str, bytes] = {
    "unmasked": make_frame(b"40", mask=False),
    "an unknown opcode": make_frame(b"40", 3),
    "a fragmented ping": make_frame(b"", PING, fin=False),
    "a long ping": make_frame(b"x" * 126, PING),
    "a continuation of nothing": make_frame(b"40", CONTINUATION),
    "a message in a message": make_frame(b"4", fin=False) + make_frame(b"40"),
}


async def try_not_websocket(server: Server, frames: bytes) -> int | None:
    """The close code; hypercorn cuts the connection without one."""
    async with WebSocket(server) as websocket:
        await websocket.open()
        await websocket.send(frames)
        try:
            code: int = await websocket.close_code()
        except asyncio.IncompleteReadError:
            return PROTOCOL_ERROR if server.mode == "hypercorn" else None
        return code


@pytest.mark.parametrize("name", NOT_WEBSOCKET)
async def test_a_frame_that_breaks_the_rules_of_websockets(bad: Server, name: str) -> None:
    await repeat(lambda: try_not_websocket(bad, NOT_WEBSOCKET[name]), PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "mode",
    [mode for mode, kind in MODES.items() if kind.has_websocket and mode not in READ_FRAMES],
    indirect=True,
)
@pytest.mark.parametrize("fragmented", [False, True], ids=["whole", "fragmented"])
async def test_text_that_is_not_utf8(bad: Server, fragmented: bool) -> None:
    frames = make_frame(b"4\xff\xfe")
    if fragmented:
        frames = make_frame(b"4\xff", fin=False) + make_frame(b"\xfe", CONTINUATION)

    async def attempt() -> bool:
        async with WebSocket(bad) as websocket:
            await websocket.open()
            await websocket.send(frames)
            return await websocket.close_code() in (PROTOCOL_ERROR, 1007)

    await repeat(attempt, True)


@fast_path
async def test_fragments_without_an_end(bad: Server) -> None:
    async def attempt() -> int:
        async with WebSocket(bad) as websocket:
            await websocket.open()
            await websocket.frame(b"4", TEXT, fin=False)
            code = asyncio.ensure_future(websocket.close_code())
            while not code.done():
                await websocket.frame(b"4" * 1000, CONTINUATION, fin=False)
                await asyncio.sleep(0)
            return code.result()

    await repeat(attempt, TOO_BIG)


@uvicorn_and_fast_path
async def test_a_frame_that_announces_too_much(bad: Server) -> None:
    async def attempt() -> bool:
        async with WebSocket(bad) as websocket:
            await websocket.open()
            await websocket.send(make_frame(b"4" * 1000, length=2**62))
            return await websocket.close_code() in (PROTOCOL_ERROR, TOO_BIG)

    await repeat(attempt, True)


async def test_a_frame_that_breaks_off(bad: Server) -> None:
    async def attempt() -> None:
        async with WebSocket(bad) as websocket:
            await websocket.open()
            await websocket.send(make_frame(b"40", length=1000))

    await repeat(attempt, None)


async def test_a_client_that_goes_on_after_the_close(bad: Server) -> None:
    async def attempt() -> None:
        async with WebSocket(bad) as websocket:
            await websocket.open()
            await websocket.frame("garbage")
            assert await websocket.close_code() == PROTOCOL_ERROR
            try:
                for _ in range(50):
                    await websocket.frame('42["echo"]')
            except ConnectionError:
                return

    await repeat(attempt, None)


async def test_a_client_that_posts_after_the_close(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        await fetch(bad, query, "POST", body=b"1")
        return (await fetch(bad, query, "POST", body=b"40")).code

    await repeat(attempt, UNKNOWN_SID)


@uvicorn_and_fast_path
@impatient
async def test_frames_before_the_answer_to_the_handshake(bad: Server) -> None:
    """They are not waited for: a web server may have dropped them with the request."""
    async with WebSocket(bad) as websocket:
        head = "".join(f"{name}: {value}\r\n" for name, value in upgrade_headers())
        request = f"GET {PATH}?{WEBSOCKET} HTTP/1.1\r\nHost: x\r\n{head}\r\n"
        await websocket.send(request.encode() + make_frame(b"garbage"))
        assert (await websocket.reply()).status == 101
        assert await websocket.close_code() == PROTOCOL_ERROR


# upgrades


async def test_an_upgrade_of_a_closed_session(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        await fetch(bad, query, "POST", body=b"1")
        async with WebSocket(bad) as websocket:
            return (await websocket.handshake(to_websocket(query))).code

    await repeat(attempt, UNKNOWN_SID)


def to_websocket(query: str) -> str:
    return query.replace("polling", "websocket")


async def upgrade(server: Server, websocket: WebSocket, query: str) -> None:
    await websocket.open(to_websocket(query))
    await websocket.frame("2probe")
    assert await websocket.text() == "3probe"
    await websocket.frame("5")


async def test_an_upgrade_of_an_upgraded_session(bad: Server) -> None:
    async def attempt() -> int:
        query = await open_polling(bad)
        async with WebSocket(bad) as first, WebSocket(bad) as second:
            await upgrade(bad, first, query)
            await first.frame("40")
            assert (await first.text()).startswith('40{"sid"')
            await second.open(to_websocket(query))
            code: int = await second.close_code()
            assert (await fetch(bad, query)).code == BAD_REQUEST
            assert (await fetch(bad, query, "POST", body=b"40")).code == BAD_REQUEST
            await first.frame('420["echo",1]')
            assert await first.text() == "430[1]"
            return code

    await repeat(attempt, 1000)


async def test_two_upgrades_at_once(bad: Server) -> None:
    async def attempt() -> Any:
        query = await open_polling(bad)
        async with WebSocket(bad) as first, WebSocket(bad) as second:
            await first.open(to_websocket(query))
            await first.frame("2probe")
            assert await first.text() == "3probe"
            code = (await second.handshake(to_websocket(query))).code
            await first.frame("5")
            await first.frame("40")
            assert (await first.text()).startswith('40{"sid"')
            return code

    await repeat(attempt, BAD_REQUEST)


async def still_polls(server: Server, query: str) -> None:
    """The session goes on with long-polling and has lost nothing."""
    assert (await fetch(server, query, "POST", body=b'420["echo",1]')).body == b"ok"
    reply = await fetch(server, query)
    if reply.body == b"6":
        reply = await fetch(server, query)
    assert reply.body == b"430[1]"
    await fetch(server, query, "POST", body=b"1")


PROBES: list[list[str | bytes]] = [
    ["2wrong"],
    ["garbage"],
    [""],
    [b"2probe"],
    ["5"],
    ["4x"],
    ["2probe", "40"],
    ["2probe", "2probe2"],
]


async def try_probe(server: Server, frames: list[str | bytes]) -> int:
    query = await open_polling(server, join=True)
    async with WebSocket(server) as websocket:
        await websocket.open(to_websocket(query))
        for frame in frames:
            await websocket.frame(frame)
        code: int = await websocket.close_code()
    await still_polls(server, query)
    return code


@pytest.mark.parametrize("frames", PROBES, ids=str)
async def test_a_probe_that_is_wrong(bad: Server, frames: list[str | bytes]) -> None:
    await repeat(lambda: try_probe(bad, frames), PROTOCOL_ERROR)


async def test_a_probe_without_an_upgrade(bad: Server) -> None:
    async def attempt() -> None:
        query = await open_polling(bad, join=True)
        async with WebSocket(bad) as websocket, Connection(bad) as get:
            await get.request(query)
            await bad.status()
            await websocket.open(to_websocket(query))
            await websocket.frame("2probe")
            assert await websocket.text() == "3probe"
            assert (await get.reply()).body == b"6"
        await still_polls(bad, query)

    await repeat(attempt, None)


@impatient
@pytest.mark.parametrize("probes", [False, True], ids=["silent", "after the probe"])
async def test_an_upgrade_that_stalls(bad: Server, probes: bool) -> None:
    async def attempt() -> int:
        query = await open_polling(bad, join=True)
        async with WebSocket(bad) as websocket:
            await websocket.open(to_websocket(query))
            if probes:
                await websocket.frame("2probe")
                assert await websocket.text() == "3probe"
            code: int = await websocket.close_code()
        await still_polls(bad, query)
        return code

    await repeat(attempt, PROTOCOL_ERROR)


# Socket.IO packets


PLACEHOLDER = '{"_placeholder":true,"num":%s}'
NESTED = "[" * 129 + "]" * 129

JOINED: dict[str, tuple[list[str | bytes], int]] = {
    "reserved name connect": (['42["connect"]'], PROTOCOL_ERROR),
    "reserved name disconnect": (['42["disconnect","x"]'], PROTOCOL_ERROR),
    "reserved name with an id": (['421["disconnect"]'], PROTOCOL_ERROR),
    "reserved name with an attachment": (
        ['451-["connect",%s]' % (PLACEHOLDER % 0), b"x"], PROTOCOL_ERROR,
    ),
    "empty event": (["42[]"], PROTOCOL_ERROR),
    "event without data": (["42"], PROTOCOL_ERROR),
    "event that is an object": (['42{"name":"echo"}'], PROTOCOL_ERROR),
    "event that is a string": (['42"echo"'], PROTOCOL_ERROR),
    "number as a name": (["42[1]"], PROTOCOL_ERROR),
    "null as a name": (["42[null]"], PROTOCOL_ERROR),
    "list as a name": (['42[["echo"]]'], PROTOCOL_ERROR),
    "attachment as a name": (["451-[%s]" % (PLACEHOLDER % 0), b"echo"], PROTOCOL_ERROR),
    "unknown type": (["49"], PROTOCOL_ERROR),
    "no type": (["4"], PROTOCOL_ERROR),
    "CONNECT_ERROR": (['44{"message":"x"}'], PROTOCOL_ERROR),
    "acknowledgement without an id": (["43[]"], PROTOCOL_ERROR),
    "acknowledgement that is no list": (["431{}"], PROTOCOL_ERROR),
    "endless id": (['42%s["echo"]' % ("1" * 500)], PROTOCOL_ERROR),
    "endless namespace": (['42/%s,["echo"]' % ("x" * 5_000)], PROTOCOL_ERROR),
    "malformed JSON": (['42["echo",]'], PROTOCOL_ERROR),
    "JSON that breaks off": (['42["echo"'], PROTOCOL_ERROR),
    "JSON and more": (['42["echo"]]'], PROTOCOL_ERROR),
    "deep JSON": ([f'42["echo",{NESTED}]'], PROTOCOL_ERROR),
    "bottomless JSON": (['42["echo",%s' % ("[" * 10_000)], PROTOCOL_ERROR),
    "huge integer": (['42["echo",%s]' % ("9" * 101)], PROTOCOL_ERROR),
    "enormous integer": (['42["echo",-%s]' % ("9" * 15_000)], PROTOCOL_ERROR),
    "attachment that was not announced": ([b"x"], PROTOCOL_ERROR),
    "text instead of an attachment": (
        ['451-["echo",%s]' % (PLACEHOLDER % 0), '42["echo"]'], PROTOCOL_ERROR,
    ),
    "too many attachments": (['454-["echo"]'], PROTOCOL_ERROR),
    "endless number of attachments": (['45%s-["echo"]' % ("9" * 500)], PROTOCOL_ERROR),
    "no number of attachments": (['45-["echo"]'], PROTOCOL_ERROR),
    "negative number of attachments": (['45-1-["echo"]'], PROTOCOL_ERROR),
    "attachments too large together": (
        ['453-["echo"]', b"x" * 14_000, b"x" * 14_000, b"x" * 14_000], TOO_BIG,
    ),
    "placeholder out of range": (['451-["echo",%s]' % (PLACEHOLDER % 1), b"x"], PROTOCOL_ERROR),
    "negative placeholder": (['451-["echo",%s]' % (PLACEHOLDER % -1), b"x"], PROTOCOL_ERROR),
    "two placeholders for one attachment": (
        [f'451-["echo",{PLACEHOLDER % 0},{PLACEHOLDER % 0}]', b"x"], PROTOCOL_ERROR,
    ),
    "placeholder that is no number": (
        ['451-["echo",%s]' % (PLACEHOLDER % '"0"'), b"x"], PROTOCOL_ERROR,
    ),
}  # fmt: skip

EARLY: dict[str, list[str | bytes]] = {
    "event": ['42["echo"]'],
    "event with an id": ['421["echo"]'],
    "event for a namespace": ['42/chat,["echo"]'],
    "acknowledgement": ["431[]"],
    "DISCONNECT": ["41"],
    "binary event": ['451-["echo",%s]' % (PLACEHOLDER % 0), b"x"],
}

PACKETS = {f"joined, {name}": (True, *case) for name, case in JOINED.items()} | {
    f"before CONNECT, {name}": (False, packets, PROTOCOL_ERROR) for name, packets in EARLY.items()
}


async def try_on_websocket(server: Server, joined: bool, packets: list[str | bytes]) -> int:
    async with WebSocket(server) as websocket:
        await websocket.open()
        if joined:
            await websocket.join()
        for packet in packets:
            await websocket.frame(packet)
        code: int = await websocket.close_code()
        return code


@pytest.mark.parametrize("name", PACKETS)
async def test_a_packet_on_a_websocket(bad: Server, name: str) -> None:
    joined, packets, answer = PACKETS[name]

    await repeat(lambda: try_on_websocket(bad, joined, packets), answer)


async def try_on_long_polling(server: Server, joined: bool, packets: list[str | bytes]) -> Any:
    query = await open_polling(server, join=joined)
    for packet in packets:
        body = packet.encode() if isinstance(packet, str) else base64_packet(packet)
        reply = await fetch(server, query, "POST", body=body)
        if reply.status != 200:
            break
    await gone(server, query)
    return reply.code


def status_of(close_code: int) -> tuple[int, int]:
    """How a POST is answered for what closes a WebSocket with this code."""
    return TOO_LARGE if close_code == TOO_BIG else BAD_REQUEST


@pytest.mark.parametrize("name", PACKETS)
async def test_a_packet_on_long_polling(bad: Server, name: str) -> None:
    joined, packets, answer = PACKETS[name]

    await repeat(lambda: try_on_long_polling(bad, joined, packets), status_of(answer))


def base64_packet(data: bytes) -> bytes:
    return b"b" + base64.b64encode(data)


CONNECTS: dict[str, tuple[list[str], list[str]]] = {
    "unknown namespace": (["40/nowhere,"], ['44/nowhere,{"message":"Invalid namespace"}']),
    "namespace of nobody": (["40/*,"], ['44/*,{"message":"Invalid namespace"}']),
    "twice": (["40", "40"], ["40", '44{"message":"Unable to connect"}']),
    "too many": (
        ["40", "40/chat,", "40/any/one,"],
        ["40", "40/chat,", '44/any/one,{"message":"Too many namespaces"}'],
    ),
    "refused": (
        ['40/refusing,{"refuse":["no",{"code":7}]}'],
        ['44/refusing,{"message":"no","data":{"code":7}}'],
    ),
}


async def try_connects(server: Server, packets: list[str], expected: list[str]) -> bool:
    async with WebSocket(server) as websocket:
        await websocket.open()
        await websocket.text()
        for packet in packets:
            await websocket.frame(packet)
        answers = [await websocket.text() for _ in expected]
        return all(map(str.startswith, answers, expected))


@pytest.mark.parametrize("name", CONNECTS)
async def test_a_namespace_that_is_refused(bad: Server, name: str) -> None:
    packets, expected = CONNECTS[name]

    await repeat(lambda: try_connects(bad, packets, expected), True)


@impatient
async def test_attachments_that_never_come(bad: Server) -> None:
    async def attempt() -> int:
        async with WebSocket(bad) as websocket:
            await websocket.open()
            await websocket.join()
            await websocket.frame('452-["echo"]')
            await websocket.frame(b"x")
            code: int = await websocket.close_code()
            return code

    await repeat(attempt, PROTOCOL_ERROR)


@impatient
async def test_attachments_that_are_never_posted(bad: Server) -> None:
    async def attempt() -> bytes:
        query = await open_polling(bad, join=True)
        async with Connection(bad) as get:
            await get.request(query)
            await fetch(bad, query, "POST", body=b'451-["echo"]')
            answer: bytes = (await get.reply()).body
        await gone(bad, query)
        return answer

    await repeat(attempt, b"1")


@impatient
async def test_no_connect_at_all(bad: Server) -> None:
    async with WebSocket(bad) as websocket:
        await websocket.open()
        query = await open_polling(bad)
        assert (await fetch(bad, query)).body == b"1"
        assert await websocket.close_code() == PROTOCOL_ERROR
        await gone(bad, query)


@impatient
@pytest.mark.parametrize("mode", ["fast", "uvicorn", "werkzeug", "pywsgi"], indirect=True)
async def test_nothing_but_a_namespace_ends_the_wait_for_one(bad: Server) -> None:
    async with WebSocket(bad) as websocket:
        await websocket.open()
        closed = asyncio.ensure_future(websocket.close_code())
        await websocket.frame("40/nowhere,")
        for _ in range(1000):
            await websocket.frame('451-["echo",%s]' % (PLACEHOLDER % 0))
            await websocket.frame(b"x")
            if closed.done():
                break
            await asyncio.sleep(0.01)
        assert closed.done()
        assert closed.result() == PROTOCOL_ERROR


# everything at once


GROUPS: list[list[tuple[Callable[..., Awaitable[Any]], list[Any], Any]]] = [
    [(try_request, [query, request], answer) for query, request, answer in REQUESTS.values()],
    [(try_handshake, [query, headers], answer) for query, headers, answer in HANDSHAKES.values()],
    [(try_body, [body], answer) for body, answer in BODIES.values()],
    [(try_frames, [frames], answer) for frames, answer in FRAMES.values()],
    [(try_not_websocket, [frames], PROTOCOL_ERROR) for frames in NOT_WEBSOCKET.values()],
    [(try_probe, [frames], PROTOCOL_ERROR) for frames in PROBES],
    [(try_on_websocket, [joined, sent], answer) for joined, sent, answer in PACKETS.values()],
    [
        (try_on_long_polling, [joined, sent], status_of(answer))
        for joined, sent, answer in PACKETS.values()
    ],
    [(try_connects, [packets, answers], True) for packets, answers in CONNECTS.values()],
]


async def test_hundreds_of_clients_that_do_everything_wrong(bad: Server) -> None:
    """Not one in a hundred leaves anything behind, connections included."""
    before = await bad.status()
    rounds = zip(*(islice(cycle(group), MANY_REPETITIONS) for group in GROUPS), strict=True)
    attempts = list(chain.from_iterable(rounds))

    for first in range(0, len(attempts), AT_ONCE):
        batch = attempts[first : first + AT_ONCE]
        answers = await asyncio.gather(*[attempt(bad, *what) for attempt, what, _ in batch])
        assert answers == [answer for _, _, answer in batch]

    await bad.settled({name: before[name] for name in LEFT_BEHIND})
