"""Who is connected to which namespace, and in which rooms.

Rooms are indexed both ways, so that what a disconnect costs depends on the rooms of that client
and not on the number of clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Members: TypeAlias = dict[str, str]
"""Clients as sid to Engine.IO sid."""

Rooms: TypeAlias = dict[str, dict[str | None, Members]]

_NOBODY: Members = {}
_SEVERAL = (list, tuple, set, frozenset)
_T = TypeVar("_T")


class Registry:
    """Clients and rooms of all namespaces.

    A client is *pending* from ``pre_connect`` to ``connect``: it can be addressed by its sid and
    can enter rooms, but receives what is sent to rooms only once it is connected.
    """

    def __init__(self) -> None:
        self.rooms: Rooms = {}
        """Namespace to room to members; room ``None`` is everybody.  Read by applications."""
        self.eio_to_sid: dict[str, dict[str, str]] = {}
        """Engine.IO sid to namespace to sid."""
        self.pending_connect: dict[str, dict[str, str]] = {}
        """Namespace to the pending clients."""
        self.pending_disconnect: dict[str, dict[str, str]] = {}
        """Namespace to the clients whose disconnect handler is running."""
        self._joined: dict[str, dict[str, dict[str, None]]] = {}
        self._waiting: dict[str, dict[str | None, Members]] = {}
        """Like ``rooms``, for the pending clients."""

    def replace(self, rooms: Rooms) -> None:
        """Take other rooms for all there are; their members are the clients, all connected."""
        self.rooms = rooms
        tables: tuple[dict[str, Any], ...] = (
            self.eio_to_sid,
            self.pending_connect,
            self.pending_disconnect,
            self._joined,
            self._waiting,
        )
        for table in tables:
            table.clear()
        for namespace, its_rooms in rooms.items():
            for sid, eio_sid in its_rooms.get(None, _NOBODY).items():
                self.eio_to_sid.setdefault(eio_sid, {})[namespace] = sid
            for room, members in its_rooms.items():
                for sid in members:
                    if room is not None and room != sid:
                        joined = self._joined.setdefault(namespace, {})
                        joined.setdefault(sid, {})[room] = None

    # clients

    def pre_connect(self, sid: str, eio_sid: str, namespace: str) -> bool:
        """Make a client pending; False if this connection is in the namespace already."""
        sids = self.eio_to_sid.setdefault(eio_sid, {})
        if namespace in sids:
            return False
        sids[namespace] = sid
        self.pending_connect.setdefault(namespace, {})[sid] = eio_sid
        self.rooms.setdefault(namespace, {})[sid] = {sid: eio_sid}
        return True

    def connect(self, sid: str, namespace: str) -> bool:
        """Make a pending client connected; False if it is not pending."""
        eio_sid = self._remove_from(self.pending_connect, namespace, sid)
        if eio_sid is None:
            return False
        rooms = self.rooms[namespace]
        rooms.setdefault(None, {})[sid] = eio_sid
        for room in self._joined.get(namespace, {}).get(sid, ()):
            rooms.setdefault(room, {})[sid] = eio_sid
            self._stop_waiting(namespace, room, sid)
        return True

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Note that a client is leaving; return its Engine.IO sid, ``None`` if it is unknown."""
        eio_sid = self.eio_sid(sid, namespace)
        if eio_sid is not None:
            self.pending_disconnect.setdefault(namespace, {})[sid] = eio_sid
        return eio_sid

    def disconnect(self, sid: str, namespace: str) -> None:
        """Forget a client; an unknown one is passed over."""
        eio_sid = self.eio_sid(sid, namespace)
        if eio_sid is None:
            return
        rooms = self.rooms[namespace]
        for room in (None, sid, *self._joined.get(namespace, {}).get(sid, ())):
            self._remove_member(rooms, room, sid)
            self._stop_waiting(namespace, room, sid)
        self._remove_from(self._joined, namespace, sid)
        self._remove_from(self.pending_connect, namespace, sid)
        self._remove_from(self.pending_disconnect, namespace, sid)
        # a pending client that has left its own room is in none
        if not rooms and namespace not in self.pending_connect:
            del self.rooms[namespace]
        sids = self.eio_to_sid[eio_sid]
        del sids[namespace]
        if not sids:
            del self.eio_to_sid[eio_sid]

    def is_connected(self, sid: str, namespace: str) -> bool:
        """True from ``connect`` to ``pre_disconnect``."""
        return sid in self.rooms.get(namespace, {}).get(
            None, _NOBODY
        ) and sid not in self.pending_disconnect.get(namespace, _NOBODY)

    def is_pending(self, sid: str, namespace: str) -> bool:
        """True from ``pre_connect`` to ``connect``."""
        return sid in self.pending_connect.get(namespace, _NOBODY)

    def eio_sid(self, sid: str, namespace: str) -> str | None:
        """Return the Engine.IO sid of a client, pending or leaving ones included."""
        everybody = self.rooms.get(namespace, {}).get(None, _NOBODY)
        return everybody.get(sid) or self.pending_connect.get(namespace, _NOBODY).get(sid)

    def sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the sid that a connection has in a namespace."""
        return self.eio_to_sid.get(eio_sid, _NOBODY).get(namespace)

    # rooms

    def enter(self, sid: str, namespace: str, room: str | None) -> None:
        """Put a client into a room; ``KeyError`` for an unknown client.

        Every client is in the room ``None`` of its own accord, and cannot leave it.
        """
        eio_sid = self.eio_sid(sid, namespace)
        if eio_sid is None:
            raise KeyError(sid)
        if room is None:
            return
        if room != sid:
            self._joined.setdefault(namespace, {}).setdefault(sid, {})[room] = None
        waits = room != sid and self.is_pending(sid, namespace)
        rooms = self._waiting.setdefault(namespace, {}) if waits else self.rooms[namespace]
        rooms.setdefault(room, {})[sid] = eio_sid

    def leave(self, sid: str, namespace: str, room: str | None) -> None:
        """Take a client out of a room; unknown clients and rooms are passed over."""
        if room is None:
            return
        self._remove_member(self.rooms.get(namespace, {}), room, sid)
        self._stop_waiting(namespace, room, sid)
        joined = self._joined.get(namespace, {}).get(sid)
        if joined is not None:
            joined.pop(room, None)
            if not joined:
                self._remove_from(self._joined, namespace, sid)

    def close_room(self, room: str | None, namespace: str) -> None:
        """Take everybody out of a room, pending clients too."""
        for sid in list(self.members(namespace, room)):
            self.leave(sid, namespace, room)
        for sid in self.waiting(namespace, room):
            self.leave(sid, namespace, room)

    def rooms_of(self, sid: str, namespace: str) -> list[str]:
        """Return the rooms of a client, its own first; empty for an unknown client."""
        own = [sid] if sid in self.rooms.get(namespace, {}).get(sid, _NOBODY) else []
        return [*own, *self._joined.get(namespace, {}).get(sid, ())]

    def members(self, namespace: str, room: str | Collection[str] | None) -> Mapping[str, str]:
        """Return who is in a room, in any of several rooms, or in the namespace (``None``).

        For one room this is the live mapping: do not keep it, do not change it.
        """
        rooms = self.rooms.get(namespace)
        if rooms is None:
            return _NOBODY
        if room is None or not isinstance(room, _SEVERAL):
            return rooms.get(room, _NOBODY)  # type: ignore[arg-type]
        merged: Members = {}
        for name in room:
            merged.update(rooms.get(name, _NOBODY))
        return merged

    def waiting(self, namespace: str, room: str | Collection[str] | None) -> Members:
        """Return the pending clients that will be in a room, in any of several, or of all.

        Not those that are addressed by their own sid, which they are members of already.
        """
        if room is None:
            return dict(self.pending_connect.get(namespace, _NOBODY))
        rooms = self._waiting.get(namespace, {})
        names = cast("Collection[str]", room if isinstance(room, _SEVERAL) else (room,))
        merged: Members = {}
        for name in names:
            merged.update(rooms.get(name, _NOBODY))
        for name in names:
            merged.pop(name, None)
        return merged

    def is_sid(self, name: str, namespace: str) -> bool:
        """True if ``name`` is the sid of a client of the namespace."""
        return self.eio_sid(name, namespace) is not None

    def namespaces(self) -> list[str]:
        """Return the namespaces that have clients."""
        return list(self.rooms)

    def _stop_waiting(self, namespace: str, room: str | None, sid: str) -> None:
        rooms = self._waiting.get(namespace)
        if rooms is not None:
            self._remove_member(rooms, room, sid)
            if not rooms:
                del self._waiting[namespace]

    @staticmethod
    def _remove_member(rooms: dict[str | None, Members], room: str | None, sid: str) -> None:
        members = rooms.get(room)
        if members is not None:
            members.pop(sid, None)
            if not members:
                del rooms[room]

    @staticmethod
    def _remove_from(table: dict[str, dict[str, _T]], namespace: str, sid: str) -> _T | None:
        entries = table.get(namespace)
        if entries is None:
            return None
        value = entries.pop(sid, None)
        if not entries:
            del table[namespace]
        return value
