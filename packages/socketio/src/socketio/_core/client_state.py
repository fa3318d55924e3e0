"""Which namespaces a client has asked for, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ClientState:
    """The namespaces of one connection.

    Each requested namespace is pending until it is accepted or refused; an accepted one is
    connected, then leaving while its disconnect handler runs, then gone.
    """

    __slots__ = ("_leaving", "_pending", "connected", "failed", "requested")

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.connected: dict[str, str] = {}
        """Namespace to sid, leaving ones included."""
        self.failed: list[str] = []
        self._pending: dict[str, None] = {}
        self._leaving: set[str] = set()

    def begin(self, namespaces: Iterable[str]) -> None:
        """Start a connection that asks for these namespaces."""
        self.requested = list(namespaces)
        self._pending = dict.fromkeys(self.requested)
        self.connected.clear()
        self.failed.clear()
        self._leaving.clear()

    @property
    def pending(self) -> list[str]:
        """Namespaces that have not been answered."""
        return list(self._pending)

    @property
    def complete(self) -> bool:
        """True if every requested namespace is connected."""
        return all(namespace in self.connected for namespace in self.requested)

    @property
    def in_use(self) -> bool:
        """True while a namespace is pending or connected and not leaving."""
        return bool(self._pending) or len(self.connected) > len(self._leaving)

    @property
    def failure(self) -> str:
        """Why the connection is not complete."""
        if self.failed:
            return "One or more namespaces failed to connect: " + ", ".join(self.failed)
        return "Unexpected connection error"

    def accept(self, namespace: str, sid: str) -> bool:
        """The server accepts; False if nobody asked."""
        if namespace not in self._pending:
            return False
        del self._pending[namespace]
        self.connected[namespace] = sid
        return True

    def refuse(self, namespace: str) -> bool:
        """The server refuses; False if nobody asked."""
        if namespace not in self._pending:
            return False
        del self._pending[namespace]
        self.failed.append(namespace)
        return True

    def leave(self, namespace: str) -> bool:
        """A namespace ends; False if it is not connected or is leaving already."""
        if namespace not in self.connected or namespace in self._leaving:
            return False
        self._leaving.add(namespace)
        return True

    def leave_all(self) -> list[str]:
        """The connection ends; return the namespaces that were not leaving already."""
        leaving = [name for name in list(self.connected) if name not in self._leaving]
        self._leaving.update(leaving)
        return leaving

    def remove(self, namespace: str) -> None:
        """The disconnect handler of a leaving namespace has run."""
        self.connected.pop(namespace, None)
        self._leaving.discard(namespace)

    def clear(self) -> None:
        """The connection has ended."""
        self._pending.clear()
        self.connected.clear()
        self._leaving.clear()
