"""One outgoing Engine.IO packet in its wire forms, each computed at most once.

hot path: a broadcast hands the same object to every recipient.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGE_OVERHEAD = 128
"""Bytes that a waiting message takes besides its payload: 113 were measured (CPython 3.11, the
message and its place in a list), the allocator rounds up."""


class Message:
    """One outgoing Engine.IO packet, encoded once and shared by every recipient.

    ``payload`` is what one WebSocket message carries: the UTF-8 text of the packet, type digit
    included (``b'4hello'``), or for ``binary`` the raw bytes (always a MESSAGE).
    """

    __slots__ = ("_frame", "_polling", "_text", "binary", "payload")

    def __init__(self, payload: bytes, binary: bool = False) -> None:
        self.payload: bytes = payload
        self.binary: bool = binary
        self._text: str | None = None
        self._polling: bytes | None = None
        self._frame: bytes | None = None

    def __repr__(self) -> str:
        return f"Message({self.payload[:40]!r}, binary={self.binary})"

    @property
    def text(self) -> str:
        """The packet as ``str``, for WebSocket libraries that encode by themselves."""
        if self._text is None:
            self._text = self.payload.decode()
        return self._text

    @property
    def polling(self) -> bytes:
        """The packet inside a long-polling payload: as it is, or ``b`` + base64 when binary."""
        if self._polling is None:
            self._polling = b"b" + b64encode(self.payload) if self.binary else self.payload
        return self._polling

    @property
    def frame(self) -> bytes:
        """A finished, unmasked server-to-client WebSocket frame, header included."""
        if self._frame is None:
            self._frame = self._make_frame()
        return self._frame

    def _make_frame(self) -> bytes:
        size = len(self.payload)
        # RFC 6455 5.2: FIN + opcode 1 (text) or 2 (binary), then a 7, 16 or 64 bit length
        opcode = 0x82 if self.binary else 0x81
        if size < 126:
            header = bytes((opcode, size))
        elif size < 1 << 16:
            header = bytes((opcode, 126)) + size.to_bytes(2, "big")
        else:
            header = bytes((opcode, 127)) + size.to_bytes(8, "big")
        return header + self.payload


CLOSE = Message(b"1")
PING = Message(b"2")
NOOP = Message(b"6")
PROBE_REPLY = Message(b"3probe")


def weight(messages: Sequence[Message]) -> int:
    """Return the bytes that waiting messages take, ``MESSAGE_OVERHEAD`` included."""
    return sum([len(message.payload) for message in messages]) + MESSAGE_OVERHEAD * len(messages)
