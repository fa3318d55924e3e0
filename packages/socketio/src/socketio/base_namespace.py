"""What all class-based namespaces have in common, of servers and clients, in both colours."""

from __future__ import annotations

from typing import Any

HANDLER_PREFIX = "on_"
"""A method named so plus the event's name handles that event."""


class BaseNamespace:
    """A namespace whose event handlers are the methods of a class.

    ``namespace`` is its name (default ``/``); ``*`` takes every namespace that has no handlers of
    its own, and the methods then get the namespace's name as an additional first argument.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.namespace: str = namespace or "/"

    def is_asyncio_based(self) -> bool:
        """Return whether the methods of this class are coroutines."""
        return False


class BaseServerNamespace(BaseNamespace):
    """A class-based namespace of a server; one instance serves all clients."""

    def __init__(self, namespace: str | None = None) -> None:
        super().__init__(namespace)
        self.server: Any = None

    def _set_server(self, server: Any) -> None:
        self.server = server

    def rooms(self, sid: str, namespace: str | None = None) -> list[Any]:
        """Return the rooms of a client, as ``server.rooms()``, in this namespace by default."""
        rooms: list[Any] = self.server.rooms(sid, namespace=namespace or self.namespace)
        return rooms


class BaseClientNamespace(BaseNamespace):
    """A class-based namespace of a client."""

    def __init__(self, namespace: str | None = None) -> None:
        super().__init__(namespace)
        self.client: Any = None

    def _set_client(self, client: Any) -> None:
        self.client = client
