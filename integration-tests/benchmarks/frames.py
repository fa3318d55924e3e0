"""The bytes that the load sends and expects: WebSocket frames, made once and reused.

Every client frame is masked with the same key: masking costs the server the same whatever the key.
"""

from __future__ import annotations

MASK = b"\x37\xfa\x21\x3d"
DATA = b'{"user":"alice","text":"hello, world","n":42}'  # the argument of every event

PING = b"\x81\x012"  # Engine.IO PING, as the server frames it


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """Return a client frame with a payload of less than 126 bytes."""
    assert len(payload) < 126
    body = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
    return bytes((0x80 | opcode, 0x80 | len(payload))) + MASK + body


def unmasked(payload: bytes) -> bytes:
    """Return the server's text frame with a payload of less than 126 bytes."""
    assert len(payload) < 126
    return bytes((0x81, len(payload))) + payload


def size_at(data: bytes, at: int) -> int:
    """Return the length of the server frame that starts at an offset; 0 while it is unknown."""
    if len(data) < at + 2:
        return 0
    length = data[at + 1]
    if length < 126:
        return 2 + length
    wide = 2 if length == 126 else 8
    if len(data) < at + 2 + wide:
        return 0
    return 2 + wide + int.from_bytes(data[at + 2 : at + 2 + wide], "big")


def payload(frame: bytes) -> bytes:
    """Return what a complete server frame holds."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]


PONG = masked(b"3")
CONNECT = masked(b"40")
CLOSE = masked(b"\x03\xe8", opcode=8)  # status 1000, a normal closure

PING_BACK = masked(b'42["ping_back",' + DATA + b"]")
PONG_BACK = unmasked(b'42["pong_back",' + DATA + b"]")
FAN = masked(b'42["fan",' + DATA + b"]")
JOIN = masked(b'420["join"]')
JOINED = unmasked(b"430[]")
NEWS = unmasked(b'42["news",' + DATA + b"]")


def echoes(count: int) -> dict[bytes, bytes]:
    """Return ``{the server's ack: the event that it answers}`` for ack ids 10, 11, ..."""
    ids = [b"%d" % number for number in range(10, 10 + count)]
    return {
        unmasked(b"43" + number + b"[" + DATA + b"]"): masked(
            b"42" + number + b'["echo",' + DATA + b"]"
        )
        for number in ids
    }
