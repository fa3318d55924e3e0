"""The part of Redis' protocol, RESP 2 and 3, that publishing and subscribing need.

hot path: ``RespReader.feed`` takes a message of a channel out of the stream 20 times as fast as the
Redis client that opened the connection (benchmark "cluster").
"""

from __future__ import annotations

from typing import Any, TypeAlias


class RespError(Exception):
    """An error that Redis has answered with."""


class Push(list[Any]):
    """What Redis says without having been asked, in RESP 3."""


Reply: TypeAlias = Any
"""``int``, ``str`` for a status, ``bytes``, ``None``, ``RespError``, or a list of these."""

_LISTS = b"*~"
_TEXTS = b"$=!"


class _Incomplete(Exception):
    """More bytes are needed, at least so many in all."""


def pack(*words: bytes) -> bytes:
    """Return a command."""
    return b"*%d\r\n" % len(words) + b"".join(
        [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    )


class RespReader:
    """Splits a stream into replies.

    :param channel: a message that was published on it is returned as its ``bytes`` alone; all
        other replies as what they are.
    """

    __slots__ = ("_chunks", "_head", "_missing")

    def __init__(self, channel: bytes = b"") -> None:
        self._head = b"3\r\n$7\r\nmessage\r\n$%d\r\n%b\r\n$" % (len(channel), channel)
        self._chunks: list[bytes] = []
        self._missing = 0
        """Bytes without which there is no further reply."""

    def feed(self, data: bytes) -> list[Reply]:
        """Take the next bytes; return the replies that are complete.

        ValueError if it is not RESP.
        """
        chunks = self._chunks
        chunks.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return []
        buffer = b"".join(chunks) if len(chunks) > 1 else data
        size = len(buffer)
        replies: list[Reply] = []
        head, head_size = self._head, len(self._head)
        position = needed = 0
        try:
            while position < size:
                if buffer.startswith(head, position + 1):
                    line_end = buffer.find(b"\r\n", position + 1 + head_size)
                    if line_end < 0:
                        break
                    start = line_end + 2
                    end = start + int(buffer[position + 1 + head_size : line_end])
                    if end + 2 > size:
                        needed = end + 2
                        break
                    replies.append(buffer[start:end])
                    position = end + 2
                else:
                    reply, position = _parse(buffer, position)
                    replies.append(reply)
        except _Incomplete as incomplete:
            needed = incomplete.args[0]
        self._chunks = [buffer[position:]] if position < size else []
        self._missing = max(needed - size, 0)
        return replies


def _line(buffer: bytes, start: int) -> tuple[bytes, int]:
    """Return the rest of a line and where the next one begins."""
    end = buffer.find(b"\r\n", start)
    if end < 0:
        raise _Incomplete(len(buffer) + 1)
    return buffer[start:end], end + 2


def _parse(buffer: bytes, position: int) -> tuple[Reply, int]:
    kind = buffer[position : position + 1]
    line, position = _line(buffer, position + 1)
    if kind == b":":
        return int(line), position
    if kind == b"+":
        return line.decode(), position
    if kind == b"-":
        return RespError(line.decode(errors="replace")), position
    if kind in _TEXTS:
        return _parse_text(kind, int(line), buffer, position)
    if kind in _LISTS:
        return _parse_list(int(line), buffer, position)
    if kind == b">":
        items, position = _parse_list(int(line), buffer, position)
        return Push(items), position
    if kind == b"%":
        return _parse_list(2 * int(line), buffer, position)
    if kind == b"_":
        return None, position
    if kind in b",#(":
        return line.decode(), position
    raise ValueError(f"not RESP: {buffer[:40]!r}")


def _parse_text(kind: bytes, length: int, buffer: bytes, start: int) -> tuple[Reply, int]:
    if length < 0:
        return None, start
    end = start + length
    if end + 2 > len(buffer):
        raise _Incomplete(end + 2)
    text = buffer[start:end]
    return RespError(text.decode(errors="replace")) if kind == b"!" else text, end + 2


def _parse_list(length: int, buffer: bytes, position: int) -> tuple[Reply, int]:
    if length < 0:
        return None, position
    items: list[Reply] = []
    for _ in range(length):
        item, position = _parse(buffer, position)
        items.append(item)
    return items, position
