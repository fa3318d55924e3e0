"""A connection that picows reads, unmasks and parses for the engine.

hot path: ``Listener.on_ws_frame`` and ``FastChannel.write`` (benchmarks "event with ack" and
"broadcast").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from picows import WSAutoPingStrategy, WSCloseCode, WSListener, WSMsgType
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stubs

from .._core.backlogs import HIGH_WATER
from .._shell.mailbox import Mailbox
from ..exceptions import ProtocolError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from picows import WSFrame, WSTransport

    from .._core.message import Message
    from .._shell.receiver import Receiver

READ_BUFFER = 2048
"""Bytes of the first read buffer of a connection; it grows with the messages that arrive."""

TEXT = WSMsgType.TEXT
BINARY = WSMsgType.BINARY
CONTINUATION = WSMsgType.CONTINUATION
CLOSE = WSMsgType.CLOSE
PING = WSMsgType.PING


class Connection(Protocol):
    """The side of the web server whose connection this is."""

    @property
    def buffered(self) -> int:
        """Bytes in the event loop's write buffer."""
        ...

    def ended(self) -> None:
        """The connection has ended."""
        ...


class Quiet:
    """The logger of picows: what it reports, the engine reports.

    It would make a child of a real logger for each connection.
    """

    def isEnabledFor(self, level: int) -> bool:
        """Return False."""
        return False

    def log(self, *args: Any) -> None:
        """Do nothing."""

    debug: Callable[..., None] = log
    info: Callable[..., None] = log
    warning: Callable[..., None] = log
    error: Callable[..., None] = log
    exception: Callable[..., None] = log


_quiet = Quiet()


def open_websocket(
    transport: asyncio.Transport, key: bytes, connection: Connection, max_size: int
) -> FastWebSocket:
    """Answer a handshake with this ``Sec-WebSocket-Key`` and take the transport over.

    Messages larger than ``max_size`` bytes close the WebSocket.
    """
    listener = Listener(connection, max_size)
    protocol = WSProtocol(
        None,
        None,
        False,
        lambda request: listener,
        _quiet,
        False,
        None,
        False,
        None,
        None,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        False,
        max_size,
        None,
        READ_BUFFER,
    )
    protocol.connection_made(BareTransport(transport))
    _feed(protocol, _MINIMAL_REQUEST % key)
    transport.set_protocol(protocol)
    return FastWebSocket(listener, protocol.transport, transport)


_MINIMAL_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
)
"""What picows needs of the handshake; it would refuse one with more than 16 KiB of headers."""


def _feed(protocol: Any, data: bytes) -> None:
    buffer = protocol.get_buffer(-1)
    buffer[: len(data)] = data
    protocol.buffer_updated(len(data))


class BareTransport:
    """A transport without the socket calls by which picows reports a new connection.

    Each of them would cost a socket object; uvicorn and the event loop have set TCP_NODELAY.
    """

    __slots__ = ("_descriptor", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._descriptor: int = transport.get_extra_info("socket").fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what picows needs of the connection."""
        if name == "socket":
            return self
        return self._transport.get_extra_info(name, default) if name == "ssl_object" else default

    def fileno(self) -> int:
        """Return the socket's descriptor, for picows to send with."""
        return self._descriptor

    def setsockopt(self, *args: Any) -> None:
        """Do nothing."""

    def getsockopt(self, *args: Any) -> int:
        """Return 0: it is only logged."""
        return 0


class FastChannel:
    """Writes to a picows transport."""

    __slots__ = ("_closing", "_transport", "reader", "unsent")

    def __init__(self, transport: WSTransport, reader: asyncio.Transport) -> None:
        self._transport = transport
        self.reader: asyncio.Transport = reader
        self._closing = False
        self.unsent: int = 0
        """Messages that came after the close, or after the connection was lost."""

    def write(self, messages: list[Message]) -> None:
        """Write one message, or several in one system call."""
        if self._closing or self.reader.is_closing():
            self.unsent += len(messages)
            return
        if len(messages) == 1:
            message = messages[0]
            self._transport.send(BINARY if message.binary else TEXT, message.payload)
        else:
            self.reader.write(b"".join([message.frame for message in messages]))

    def close(self, code: int) -> None:
        """Send a close frame; the connection ends when the peer has answered it."""
        if not self._closing:
            self._closing = True
            self._transport.send_close(WSCloseCode(code))

    def abort(self) -> None:
        """Cut the connection."""
        self._closing = True
        self._transport.disconnect(False)

    @property
    def buffered(self) -> int:
        """Bytes in the event loop's write buffer."""
        return self.reader.get_write_buffer_size()


class FastWebSocket:
    """A WebSocket whose frames picows pushes."""

    __slots__ = ("_listener", "channel")

    def __init__(
        self, listener: Listener, transport: WSTransport, reader: asyncio.Transport
    ) -> None:
        self._listener = listener
        self.channel: FastChannel = FastChannel(transport, reader)

    async def serve(self, receiver: Receiver) -> None:
        """Start handing frames on; returns at once."""
        self._listener.start(receiver, self.channel.reader)


class Listener(WSListener):
    """Takes the frames of one connection from picows and hands messages on."""

    __slots__ = (
        "_connection",
        "_deliver",
        "_fragments",
        "_mailbox",
        "_max_size",
        "_receiver",
    )

    def __init__(self, connection: Connection, max_size: int) -> None:
        super().__init__()
        self._connection = connection
        self._max_size = max_size
        self._receiver: Receiver | None = None
        self._mailbox: Mailbox | None = None
        self._fragments: Fragments | None = None
        self._deliver: Callable[[str | bytes], None] = _ignore

    def start(self, receiver: Receiver, reader: asyncio.Transport) -> None:
        """Hand frames to this receiver from now on."""
        self._receiver = receiver
        self._mailbox = Mailbox(receiver, reader)
        self._deliver = self._mailbox.deliver

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Do nothing: the engine has made the session already."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one frame; picows has checked its size and unmasked it."""
        kind = frame.msg_type
        if frame.fin and self._fragments is None:
            if kind == TEXT:
                try:
                    text = frame.get_payload_as_utf8_text()
                except UnicodeDecodeError:
                    self._refuse(ProtocolError("text is not valid UTF-8"))
                    return
                self._deliver(text)
                return
            if kind == BINARY:
                self._deliver(frame.get_payload_as_bytes())
                return
        self._other_frame(transport, frame, kind)

    def _other_frame(self, transport: WSTransport, frame: WSFrame, kind: WSMsgType) -> None:
        if kind == CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind == PING:
            # RFC 6455 5.5.3: not every ping needs an answer; who reads none gets no more of them
            if self._connection.buffered <= HIGH_WATER:
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind in (TEXT, BINARY, CONTINUATION):
            try:
                self._fragment(frame, kind)
            except UnicodeDecodeError:
                self._refuse(ProtocolError("text is not valid UTF-8"))
            except ProtocolError as error:
                self._refuse(error)

    def _fragment(self, frame: WSFrame, kind: WSMsgType) -> None:
        if self._fragments is None:
            if kind == CONTINUATION:
                raise ProtocolError("a continuation of nothing")
            self._fragments = Fragments(kind == TEXT, self._max_size)
        elif kind != CONTINUATION:
            raise ProtocolError("a message inside a fragmented message")
        self._fragments.add(frame.get_payload_as_bytes())
        if frame.fin:
            fragments, self._fragments = self._fragments, None
            self._deliver(fragments.join())

    def _refuse(self, error: ProtocolError) -> None:
        if self._receiver is not None:
            self._receiver.failed(error)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection has ended."""
        handshake = transport.close_handshake
        if handshake is not None and handshake.sent is not None and not handshake.recv_then_sent:
            # picows closed it for a frame that breaks RFC 6455 or is too large, or the engine
            # did, which then ignores this
            too_large = handshake.sent.code == WSCloseCode.MESSAGE_TOO_BIG
            self._refuse(ProtocolError("invalid frame", 413 if too_large else 400))
        if self._mailbox is not None:
            self._mailbox.lost()
        self._connection.ended()

    def pause_writing(self) -> None:
        """Do nothing: the engine looks at ``FastChannel.buffered``."""

    def resume_writing(self) -> None:
        """Do nothing, likewise."""


class Fragments:
    """The parts of a fragmented message (RFC 6455 5.4), up to the size limit in total."""

    def __init__(self, text: bool, max_size: int) -> None:
        self._text = text
        self._max_size = max_size
        self._data = bytearray()  # one object, however small the parts are

    def add(self, part: bytes) -> None:
        """Keep one part; ProtocolError 413 over the limit."""
        if len(self._data) + len(part) > self._max_size:
            raise ProtocolError("message too large", 413)
        self._data += part

    def join(self) -> str | bytes:
        """Return the whole message."""
        return self._data.decode() if self._text else bytes(self._data)


def _ignore(data: str | bytes) -> None:
    """Take the frames of a WebSocket that was accepted only to be closed."""
