"""A WebSocket over a socket: the channel that is written to, and the loop that reads.

WebSocket framing is that of the websockets library (its sans-I/O side), except that a message is
framed once for all its recipients.

hot path (benchmark "event with ack", threads and gevent): ``write``, ``pump`` and ``_read``.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from typing import TYPE_CHECKING

from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.typing import BytesLike

    from .._core.message import Message
    from .concurrency import Stream
    from .receiver import Receiver

BATCH = 65_536
"""Bytes from which what waits is sent in more than one piece."""

FRAME_OVERHEAD = 48
"""Bytes that a waiting frame takes besides its own: the object and its place in the queue."""

TEXT = Opcode.TEXT
BINARY = Opcode.BINARY
CONTINUATION = Opcode.CONT
CLOSE = Opcode.CLOSE


class SocketChannel:
    """Queues frames under the engine's lock; ``pump`` sends them without it.

    Whoever comes first pumps, for the others too: nobody waits for a socket, nor for a lock.
    """

    __slots__ = (
        "_aborted",
        "_closed",
        "_late",
        "_pumping",
        "_queue",
        "_ready",
        "_replied",
        "_rest",
        "_sent",
        "_stalled",
        "_stream",
        "_written",
    )

    def __init__(self, stream: Stream, ready: Callable[[SocketChannel], None]) -> None:
        self._stream = stream
        self._ready = ready
        self._queue: deque[bytes] = deque()
        self._rest = b""
        self._pumping = allocate_lock()
        self._stalled = False
        self._closed = False
        self._aborted = False
        # bytes, each counted by one thread at a time
        self._written = 0  # by the holder of the engine's lock
        self._replied = 0  # by the one who reads
        self._sent = 0  # by the one who pumps
        self._late = 0
        """Messages that came after the close."""

    def write(self, messages: list[Message]) -> None:
        """Queue the frames of messages, unless the channel was closed."""
        if self._closed:
            self._late += len(messages)
            return
        for message in messages:
            frame = message.frame
            self._queue.append(frame)
            self._written += len(frame)
        self._ready(self)

    def control(self, frame: bytes) -> None:
        """Queue a finished control frame (a PONG) as the one who reads, who then pumps."""
        if not self._closed:
            self._queue.append(frame)
            self._replied += len(frame)

    def close(self, code: int) -> None:
        """Queue a close frame; the connection ends when the peer answers it, or is cut."""
        if not self._closed:
            frame = Frame(Opcode.CLOSE, Close(code, "").serialize()).serialize(mask=False)
            self._queue.append(frame)
            self._written += len(frame)
            self._closed = True
            self._ready(self)

    def abort(self) -> None:
        """End the connection; what waits is never sent."""
        # another thread may be taking from the queue: it is left to the garbage collector
        self._closed = self._aborted = True
        self._stream.abort()

    @property
    def closed(self) -> bool:
        """True once a close frame was queued, or the connection was aborted."""
        return self._closed

    @property
    def buffered(self) -> int:
        """Bytes that the operating system has not taken, and may still take.

        ``FRAME_OVERHEAD`` for each frame is added.
        """
        if self._aborted or not (self._queue or self._rest):
            return 0
        return self._written + self._replied - self._sent + FRAME_OVERHEAD * len(self._queue)

    @property
    def unsent(self) -> int:
        """Messages that came after the close, and frames that an abort has stopped."""
        return self._late + len(self._queue) if self._aborted else self._late

    def pump(self) -> None:
        """Send what waits, as far as that is possible now."""
        while (self._queue or self._rest) and not self._stalled and not self._aborted:
            if not self._pumping.acquire(blocking=False):
                return  # the one who pumps will look again
            try:
                self._send_batch()
            finally:
                self._pumping.release()

    def _send_batch(self) -> None:
        data, queue = self._rest, self._queue
        if queue:
            frames = [data, queue.popleft()] if data else [queue.popleft()]
            size = len(data) + len(frames[-1])
            while queue and size < BATCH:
                frames.append(queue.popleft())
                size += len(frames[-1])
            data = frames[0] if len(frames) == 1 else b"".join(frames)
        if not data:
            return
        count = self._stream.send(data)
        if count < 0:
            # the reader notices the end too, and tells the engine
            self.abort()
            return
        self._sent += count
        self._rest = data[count:]
        if self._rest:
            self._stalled = True
            try:
                self._stream.when_writable(self._writable)
            except RuntimeError:  # there are too many threads
                self.abort()

    def _writable(self) -> None:
        self._stalled = False
        self.pump()


class SocketWebSocket:
    """An opened WebSocket on a socket."""

    __slots__ = ("_binary", "_parts", "_protocol", "_stream", "channel")

    def __init__(
        self, stream: Stream, ready: Callable[[SocketChannel], None], max_size: int
    ) -> None:
        self.channel: SocketChannel = SocketChannel(stream, ready)
        self._stream = stream
        self._protocol = Protocol(Side.SERVER, state=OPEN, max_size=max_size)
        self._parts: list[bytes] = []
        self._binary = False

    def serve(self, receiver: Receiver) -> None:
        """Hand on frames until the WebSocket ends."""
        try:
            self._read(receiver)
        finally:
            self.channel.abort()
            receiver.lost()

    def _read(self, receiver: Receiver) -> None:
        stream, protocol = self._stream, self._protocol
        while data := stream.receive():
            protocol.receive_data(data)
            for event in protocol.events_received():
                assert isinstance(event, Frame)
                if event.opcode is TEXT and event.fin:
                    self._hand_on(receiver, event.data, binary=False)
                elif event.opcode is BINARY and event.fin:
                    self._hand_on(receiver, event.data, binary=True)
                elif event.opcode in (TEXT, BINARY, CONTINUATION):
                    self._collect(receiver, event)
                elif event.opcode is CLOSE:
                    self._reply()
                    # RFC 6455 7.1.1: the server closes first
                    self._stream.abort()
                    self._drain()
                    return
            if protocol.parser_exc is not None:
                too_big = isinstance(protocol.parser_exc, PayloadTooBig)
                receiver.failed(ProtocolError(str(protocol.parser_exc), 413 if too_big else 400))
                break
            self._reply()
        # so that the close frame arrives; not for longer than the engine waits before it cuts the
        # connection
        self._drain()

    def _drain(self) -> None:
        """Read to the end, or the web server takes what still comes for its next request."""
        while self._stream.receive():
            pass

    def _hand_on(self, receiver: Receiver, data: BytesLike, *, binary: bool) -> None:
        if binary:
            receiver.frame(bytes(data))
            return
        try:
            text = bytes(data).decode()
        except UnicodeDecodeError:
            receiver.failed(ProtocolError("text that is not UTF-8"))
            return
        receiver.frame(text)

    def _collect(self, receiver: Receiver, frame: Frame) -> None:
        """Take a fragment; the library has limited the size of them all."""
        if frame.opcode is not CONTINUATION:
            self._binary = frame.opcode is BINARY
        self._parts.append(bytes(frame.data))
        if frame.fin:
            parts, self._parts = self._parts, []
            self._hand_on(receiver, b"".join(parts), binary=self._binary)

    def _reply(self) -> None:
        """Send what the protocol answers by itself: a PONG, or the peer's close frame."""
        replies = self._protocol.data_to_send()
        for reply in replies:
            self.channel.control(bytes(reply))
        if replies:
            self.channel.pump()
