"""Somebody who is told what happens in a server, as the Admin UI's reports are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Observer:
    """Override what is of interest.

    All methods are called where the thing happens: they take note, and neither wait, nor send, nor
    raise.
    """

    def connected(self, sid: str, namespace: str) -> None:
        """A client was accepted."""

    def disconnected(self, sid: str, namespace: str, reason: str) -> None:
        """A client that was accepted has left; its disconnect handler has not run yet."""

    def upgraded(self, sid: str, namespace: str) -> None:
        """The connection of a client has moved from long-polling to WebSocket."""

    def received(self, sid: str, namespace: str, event: Sequence[Any]) -> None:
        """An event has come: its name and arguments, which its handler may change afterwards."""

    def sent(self, sids: Collection[str], namespace: str, event: Sequence[Any]) -> None:
        """An event was sent to clients: its name and arguments, which its sender may change.

        A client whose connect handler is running is among them once it has been accepted.
        """

    def entered(self, sid: str, namespace: str, room: str) -> None:
        """A client has entered a room."""

    def left(self, sid: str, namespace: str, room: str) -> None:
        """A client has left a room."""

    def listens_to(self, namespace: str, room: str | None) -> bool:
        """Return True for rooms whose emits from other processes are to be ``heard`` in any case.

        Others are only heard where this process has somebody in the room.
        """
        return False

    def heard(self, namespace: str, room: Any, event: str, data: Any) -> None:
        """Another process of the cluster has emitted an event, to clients anywhere."""
