"""The errors of Socket.IO, for servers and clients.

They are unrelated to the builtins of the same names.
"""

from __future__ import annotations

from typing import Any


class SocketIOError(Exception):
    """Base of every error raised by this package."""


class ConnectionError(SocketIOError):
    """A client could not connect."""


class ConnectionRefusedError(ConnectionError):
    """Raise it in a ``connect`` handler to refuse a client.

    The first argument is the message that the client gets, as text; further arguments are sent
    as data with it.
    """

    @property
    def error_args(self) -> dict[str, Any]:
        """What the client receives: ``message``, and ``data`` if there is more."""
        if not self.args:
            return {"message": "Connection rejected by server"}
        message, *data = self.args
        if not data:
            return {"message": str(message)}
        return {"message": str(message), "data": data[0] if len(data) == 1 else tuple(data)}


class TimeoutError(SocketIOError):
    """Nobody answered in time."""


class BadNamespaceError(SocketIOError):
    """The client is not connected to this namespace."""


class DisconnectedError(SocketIOError):
    """The connection has ended for good."""


class CallInterruptedError(TimeoutError, DisconnectedError):
    """The connection ended before a ``call()`` was answered."""
