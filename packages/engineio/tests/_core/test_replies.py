from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from request_support import FakeRequest, ServerOptions

from engineio._core import replies
from engineio._core.codec import make_codec
from engineio._core.message import Message
from engineio._core.request import Reply

MESSAGES = [Message(b"4a"), Message(b"\x00\xff", binary=True)]
CODEC = make_codec()
NO_CORS: list[str] = []


def test_packets_are_plain_text_that_nobody_stores() -> None:
    reply = replies.packets(MESSAGES)

    assert (reply.status, reply.body) == (200, b"4a\x1ebAP8=")
    assert reply.headers == [
        ("Content-Type", "text/plain; charset=UTF-8"),
        ("Cache-Control", "no-store"),
    ]


def test_packets_for_jsonp_are_a_script() -> None:
    reply = replies.packets([Message('4"\u2028'.encode())], jsonp=3)

    assert reply.body == b'___eio[3]("4\\"\\u2028");'
    assert reply.headers == [
        ("Content-Type", "text/javascript; charset=UTF-8"),
        ("Cache-Control", "no-store"),
    ]


@pytest.mark.parametrize(
    ("reply", "body"), [(replies.accepted(), b"ok"), (replies.preflight(), b"OK")]
)
def test_short_answers(reply: Reply, body: bytes) -> None:
    assert (reply.status, reply.body) == (200, body)
    assert reply.headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (replies.UNKNOWN_TRANSPORT, "Transport unknown"),
        (replies.UNKNOWN_SID, "Session ID unknown"),
        (replies.BAD_HANDSHAKE_METHOD, "Bad handshake method"),
        (replies.BAD_REQUEST, "Bad request"),
        (replies.FORBIDDEN, "Forbidden"),
        (replies.UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version"),
    ],
)
def test_errors_are_those_of_the_official_server(code: int, message: str) -> None:
    reply = replies.error(code)

    assert reply.status == 400
    assert reply.body == f'{{"code":{code},"message":"{message}"}}'.encode()
    assert reply.headers == [("Content-Type", "application/json")]


def test_the_detail_of_an_error_is_escaped() -> None:
    reply = replies.error(replies.BAD_REQUEST, 'a "quoted"\r\n\u00e4')

    assert json.loads(reply.body) == {"code": 3, "message": 'Bad request: a "quoted"\r\n\u00e4'}
    assert b"\n" not in reply.body


def test_too_large_a_body_has_a_status_of_its_own() -> None:
    reply = replies.too_large()

    assert reply.status == 413
    assert json.loads(reply.body)["code"] == replies.BAD_REQUEST


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (False, b'"Unauthorized"'),
        ("", b'"Unauthorized"'),
        ({}, b'"Unauthorized"'),
        ("no", b'"no"'),
        ({"why": [1]}, b'{"why":[1]}'),
    ],
)
def test_a_rejected_handshake_says_what_the_application_says(value: Any, body: bytes) -> None:
    reply = replies.unauthorized(value, CODEC)

    assert (reply.status, reply.body) == (401, body)
    assert reply.headers == [("Content-Type", "application/json")]


def test_a_rejection_that_is_not_json_is_an_error_of_the_application() -> None:
    with pytest.raises(TypeError):
        replies.unauthorized(object(), CODEC)


def test_the_cookie_is_the_first_header() -> None:
    reply = replies.packets(MESSAGES)

    replies.set_cookie(reply, "abc", "io")

    assert reply.headers[0] == ("Set-Cookie", "io=abc; path=/; SameSite=Lax")
    assert reply.headers[1][0] == "Content-Type"


def test_there_may_be_no_cookie() -> None:
    reply = replies.accepted()

    replies.set_cookie(reply, "abc", None)

    assert reply.headers == [("Content-Type", "text/plain")]


# finish


def _finished(size: int, accept: str | None, **options: Any) -> Reply:
    headers = {} if accept is None else {"accept-encoding": accept}
    options = {"cors_allowed_origins": NO_CORS} | options
    reply = Reply(200, b"4" * size)
    assert replies.finish(reply, FakeRequest(headers=headers), ServerOptions(**options)) is reply
    return reply


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("br, deflate;q=0.5, gzip", "deflate"),
        (" GZIP ;q=1", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000, deflate", "deflate"),
        ("gzip;Q=0.0", None),
        ("gzip;q=0.001", "gzip"),
        ("identity, br, *", None),
    ],
)
def test_large_replies_are_compressed_as_the_client_wants(
    accept: str | None, encoding: str | None
) -> None:
    reply = _finished(1024, accept)

    readers: dict[str | None, Any] = {"gzip": gzip.decompress, "deflate": zlib.decompress}
    assert readers.get(encoding, bytes)(reply.body) == b"4" * 1024
    expected = [] if encoding is None else [("Content-Encoding", encoding)]
    assert reply.headers == [*expected, ("Vary", "Accept-Encoding")]


@pytest.mark.parametrize(
    ("size", "options"),
    [
        (1023, {}),
        (0, {}),
        (2000, {"compression_threshold": 2001}),
        (2000, {"http_compression": False}),
    ],
)
def test_other_replies_are_not_compressed(size: int, options: dict[str, Any]) -> None:
    reply = _finished(size, "gzip", **options)

    assert reply.body == b"4" * size
    assert reply.headers == []


def test_the_methods_are_those_of_the_server() -> None:
    reply = _finished(1024, "gzip, deflate, br", compression_methods=["br", "deflate"])

    assert reply.headers[0] == ("Content-Encoding", "deflate")


def test_compression_is_repeatable() -> None:
    assert _finished(5000, "gzip").body == _finished(5000, "gzip").body


@pytest.mark.parametrize(
    ("size", "vary"), [(1, "Origin"), (2000, "Origin, Accept-Encoding")], ids=["small", "large"]
)
def test_the_origin_is_told_and_varies(size: int, vary: str) -> None:
    reply = Reply(200, b"4" * size, [("Content-Type", "text/plain")])
    request = FakeRequest(headers={"origin": "http://a.org"})

    replies.finish(reply, request, ServerOptions(cors_allowed_origins="*"))

    assert reply.headers == [
        ("Content-Type", "text/plain"),
        ("Access-Control-Allow-Origin", "http://a.org"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", vary),
    ]


def test_a_refused_origin_is_told_nothing() -> None:
    reply = replies.refuse_origin(replies.error(replies.FORBIDDEN))

    assert reply.headers == [("Content-Type", "application/json"), ("Vary", "Origin")]
