"""Messages out of the bytes of a WebSocket, by the sans-I/O side of the websockets library.

hot path (benchmark "event with ack", aiohttp, tornado and sanic): ``feed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = Opcode.TEXT
BINARY = Opcode.BINARY
CLOSE = Opcode.CLOSE
CONTINUATION = Opcode.CONT


class FrameReader:
    """The receiving side of one connection.

    :param max_size: bytes of the largest message, its fragments together; a larger one is an
        error as soon as it is announced.
    """

    __slots__ = ("_binary", "_events", "_fragments", "_protocol", "_receive", "closed", "error")

    def __init__(self, max_size: int) -> None:
        protocol = Protocol(Side.SERVER, state=OPEN, max_size=max_size)
        self._protocol = protocol
        self._receive: Callable[[bytes], None] = protocol.receive_data
        self._events = protocol.events_received
        self._fragments = bytearray()  # one object, however small they are
        self._binary = False
        self.error: ProtocolError | None = None
        """What the peer did wrong; nothing can be read after that."""
        self.closed: bool = False
        """True when the peer's close frame has come."""

    def feed(self, data: bytes) -> list[str | bytes]:
        """Take bytes; return the messages that they complete.

        Then look at ``error``, send ``replies()``, and end the connection if it is ``closed``.
        """
        messages: list[str | bytes] = []
        if self.error is not None:
            return messages
        self._receive(data)
        try:
            for frame in self._events():
                assert isinstance(frame, Frame)
                kind = frame.opcode
                if kind is TEXT and frame.fin:
                    messages.append(str(frame.data, "utf-8"))
                elif kind is BINARY and frame.fin:
                    messages.append(bytes(frame.data))
                elif kind is CLOSE:
                    self.closed = True
                elif kind in (TEXT, BINARY, CONTINUATION):
                    self._collect(frame, messages)
        except UnicodeDecodeError:
            self.error = ProtocolError("text is not valid UTF-8")
        else:
            broken = self._protocol.parser_exc
            if broken is not None:
                too_large = isinstance(broken, PayloadTooBig)
                self.error = ProtocolError(str(broken), 413 if too_large else 400)
        return messages

    def _collect(self, frame: Frame, messages: list[str | bytes]) -> None:
        if frame.opcode is not CONTINUATION:
            self._binary = frame.opcode is BINARY
        self._fragments += frame.data
        if frame.fin:
            whole, self._fragments = bytes(self._fragments), bytearray()
            messages.append(whole if self._binary else whole.decode())

    def replies(self) -> bytes:
        """Return what RFC 6455 has us answer: PONGs, and a close frame to the peer's."""
        return b"".join(self._protocol.data_to_send())


def close_frame(code: int) -> bytes:
    """Return a server's close frame without a reason."""
    return Frame(CLOSE, Close(code, "").serialize()).serialize(mask=False)
