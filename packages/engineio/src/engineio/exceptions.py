"""The errors of Engine.IO, for servers and clients."""

from __future__ import annotations


class EngineIOError(Exception):
    """Base of every error raised by this package."""


class ContentTooLongError(EngineIOError):
    """A request body or a message is larger than ``max_http_buffer_size``."""


class UnknownPacketError(EngineIOError):
    """A packet of a type that the receiver does not accept."""


class QueueEmpty(EngineIOError):
    """Nothing is waiting to be sent."""


class SocketIsClosedError(EngineIOError):
    """The connection is closed already."""


class ConnectionError(EngineIOError):
    """A client could not connect.

    ``args`` is ``(message,)`` or ``(message, body)``; ``body`` is the decoded JSON body of the
    HTTP response that refused the connection, or ``None``.
    """


class ProtocolError(EngineIOError, ValueError):
    """The peer sent something that the protocol does not allow here.

    ``status`` is the HTTP status that answers it on long-polling: 400, or 413 for what is too
    large.  On a WebSocket the same error closes the connection (1009 for 413, else 1002).
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
