from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio._core.resp import Push, RespError, RespReader, pack


def message(payload: bytes, channel: bytes = b"ch", kind: bytes = b"*") -> bytes:
    head = b"3\r\n$7\r\nmessage\r\n$%d\r\n%b\r\n" % (len(channel), channel)
    return kind + head + b"$%d\r\n%b\r\n" % (len(payload), payload)


def comparable(reply: Any) -> Any:
    return ("error", str(reply)) if isinstance(reply, RespError) else reply


def test_a_command_is_a_list_of_strings() -> None:
    assert pack(b"PUBLISH", b"ch", b"\r\n") == b"*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$2\r\n\r\n\r\n"


@pytest.mark.parametrize("kind", [b"*", b">"])
def test_a_message_of_the_channel_is_its_payload(kind: bytes) -> None:
    reader = RespReader(b"ch")

    data = message(b"one", kind=kind) + message(b"", kind=kind) + message(b"\r\n$", kind=kind)

    assert reader.feed(data) == [b"one", b"", b"\r\n$"]


def test_a_message_of_another_channel_is_a_list() -> None:
    assert RespReader(b"ch").feed(message(b"x", b"other")) == [[b"message", b"other", b"x"]]


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b":12\r\n", 12),
        (b"+PONG\r\n", "PONG"),
        (b"-ERR no\r\n", ("error", "ERR no")),
        (b"!6\r\nERR no\r\n", ("error", "ERR no")),
        (b"$3\r\na\r\n\r\n", b"a\r\n"),
        (b"=7\r\ntxt:abc\r\n", b"txt:abc"),
        (b"$-1\r\n", None),
        (b"_\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*2\r\n$4\r\npong\r\n$0\r\n\r\n", [b"pong", b""]),
        (b">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n", Push([b"subscribe", b"ch", 1])),
        (b"~1\r\n#t\r\n", ["t"]),
        (b"%1\r\n+a\r\n,1.5\r\n", ["a", "1.5"]),
        (b"(123\r\n", "123"),
    ],
)
def test_every_kind_of_reply_is_read(data: bytes, reply: Any) -> None:
    replies = RespReader(b"ch").feed(data)

    assert [comparable(read) for read in replies] == [reply]
    assert type(comparable(replies[0])) is type(reply)


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b":x\r\n", b"$x\r\n", message(b"", b"c", b"?")]
)
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        RespReader(b"ch").feed(data)


@given(
    payloads=st.lists(st.binary(max_size=40), max_size=6),
    others=st.lists(st.sampled_from([b":1\r\n", b"+PONG\r\n", b"*1\r\n$2\r\n\r\n\r\n"])),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_it_does_not_matter_how_the_stream_is_cut(
    payloads: list[bytes], others: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join([message(payload) for payload in payloads] + others)
    whole = RespReader(b"ch").feed(stream)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    reader = RespReader(b"ch")
    parts = [
        reply
        for start, end in zip(edges, edges[1:], strict=False)
        for reply in reader.feed(stream[start:end])
    ]

    assert parts == whole
    assert parts[: len(payloads)] == payloads
