"""A WebSocket over an asyncio transport that was taken over from a web server.

Frames are pushed from the transport into the engine and back, without a task and without the web
server's own WebSocket: aiohttp's costs a third more, sanic's several times as much.

hot path (benchmark "event with ack", aiohttp and sanic): ``data_received`` and ``write``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .._core.backlogs import HIGH_WATER
from .frame_reader import FrameReader, close_frame
from .mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core.message import Message
    from ..exceptions import ProtocolError
    from .receiver import Receiver


class TransportChannel:
    """Writes frames to a transport."""

    __slots__ = ("_transport", "closed", "unsent")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.closed: bool = False
        """True once nothing more is written."""
        self.unsent: int = 0
        """Messages that came after the close, or after the connection was lost."""

    def write(self, messages: list[Message]) -> None:
        """Write messages in one call, unless the channel was closed."""
        if self.closed or self._transport.is_closing():
            self.unsent += len(messages)
            return
        if len(messages) == 1:
            self._transport.write(messages[0].frame)
        else:
            self._transport.write(b"".join([message.frame for message in messages]))

    def control(self, frames: bytes) -> None:
        """Write finished control frames, unless the channel was closed."""
        if not self.closed:
            self._transport.write(frames)

    def close(self, code: int) -> None:
        """Write a close frame; the connection ends when the peer answers it, or is cut."""
        if not self.closed:
            self._transport.write(close_frame(code))
            self.closed = True

    def abort(self) -> None:
        """Cut the connection."""
        self.closed = True
        self._transport.abort()

    @property
    def buffered(self) -> int:
        """Bytes in the transport's write buffer."""
        return self._transport.get_write_buffer_size()


class TransportWebSocket(asyncio.Protocol):
    """Takes the place of the web server's protocol until the connection ends.

    :param transport: the connection; its handshake has been answered.
    :param max_size: bytes of the largest message.
    :param response: what the web server's handler has to return in the end.
    """

    def __init__(self, transport: asyncio.Transport, max_size: int, response: Any = None) -> None:
        self.channel: TransportChannel = TransportChannel(transport)
        self._transport = transport
        self._response = response
        self._frames = FrameReader(max_size)
        self._receiver: Receiver | None = None
        self._mailbox: Mailbox | None = None
        self._deliver: Callable[[str | bytes], None] = _ignore
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._behind: asyncio.BaseProtocol | None = None

    async def serve(self, receiver: Receiver) -> Any:
        """Hand on frames; return the response when the connection has ended."""
        transport = self._transport
        self._receiver = receiver
        self._mailbox = Mailbox(receiver, transport)
        self._deliver = self._mailbox.deliver
        self._behind = transport.get_protocol()
        transport.set_protocol(self)
        if not transport.is_closing():
            transport.resume_reading()
        try:
            await self._ended
        except asyncio.CancelledError:
            self.channel.abort()
            raise
        return self._response

    # what the transport calls

    def data_received(self, data: bytes) -> None:
        """Hand on the messages that these bytes complete."""
        frames = self._frames
        for message in frames.feed(data):
            self._deliver(message)
        if frames.error is not None:
            self._refuse(frames.error)
        elif replies := frames.replies():
            self._reply(replies, closed=frames.closed)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.channel.closed = True
        if self._mailbox is not None:
            self._mailbox.lost()
        if not self._ended.done():
            self._ended.set_result(None)
        if self._behind is not None:
            # the web server learns of it after its handler has returned, as from any handler
            asyncio.get_running_loop().call_soon(self._behind.connection_lost, exc)
        self._receiver = self._mailbox = self._behind = None
        self._deliver = _ignore

    def pause_writing(self) -> None:
        """Do nothing: the engine looks at ``TransportChannel.buffered``."""

    def resume_writing(self) -> None:
        """Do nothing, likewise."""

    def _reply(self, replies: bytes, *, closed: bool) -> None:
        # RFC 6455 5.5.3: not every ping needs an answer; who reads none gets no more of them
        if closed or self.channel.buffered <= HIGH_WATER:
            self.channel.control(replies)
        if closed:
            self.channel.closed = True
            self._transport.close()

    def _refuse(self, error: ProtocolError) -> None:
        """Have the engine send a close frame; what still comes is read and dropped.

        Closing a connection with unread bytes would reset it, which may overtake the close frame.
        """
        if self._receiver is not None:
            self._receiver.failed(error)
            self._receiver = None
            if self._transport.can_write_eof():
                self._transport.write_eof()


def _ignore(data: str | bytes) -> None:
    """Take what comes while nobody listens."""
