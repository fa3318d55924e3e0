"""What the client managers of every concurrency model share: clients, rooms, callbacks.

The method names are those that applications and packages built on python-socketio call.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from ._core.acks import AckTable
from ._core.registry import Registry
from ._values import PendingCall

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from engineio.typing import JSONModule, LoggerLike

    from ._core.observer import Observer
    from ._core.registry import Rooms

default_logger: logging.Logger = logging.getLogger("socketio")


class BaseManager:
    """Keeps track of the clients of one server: who they are, and in which rooms.

    Owner: the server's event loop; without one the tables lock themselves.
    """

    registry_class: ClassVar[type[Registry]] = Registry
    acks_class: ClassVar[type[AckTable]] = AckTable

    def __init__(self) -> None:
        self.logger: LoggerLike | None = None
        self.server: Any = None
        self.json: JSONModule | None = None
        self._registry = self.registry_class()
        self._acks = self.acks_class()

    @property
    def rooms(self) -> Rooms:
        """Namespace to room to ``{sid: Engine.IO sid}``; room ``None`` is everybody.

        Change it by the methods of this class.  It can be assigned: the clients are then those
        of the new dict.
        """
        return self._registry.rooms

    @rooms.setter
    def rooms(self, rooms: Rooms) -> None:
        self._registry.replace(rooms)

    @property
    def callbacks(self) -> dict[str, dict[int, Callable[..., Any]]]:
        """The callbacks that wait for an acknowledgement, by sid and id."""
        return self._acks.callbacks

    @callbacks.setter
    def callbacks(self, callbacks: dict[str, dict[int, Callable[..., Any]]]) -> None:
        self._acks.callbacks = callbacks

    @property
    def eio_to_sid(self) -> dict[str, dict[str, str]]:
        """Engine.IO sid to namespace to sid."""
        return self._registry.eio_to_sid

    @property
    def pending_connect(self) -> dict[str, dict[str, str]]:
        """Namespace to the clients whose connect handler is running."""
        return self._registry.pending_connect

    @property
    def pending_disconnect(self) -> dict[str, dict[str, str]]:
        """Namespace to the clients whose disconnect handler is running."""
        return self._registry.pending_disconnect

    @property
    def _observers(self) -> Sequence[Observer]:
        observers: Sequence[Observer] = getattr(self.server, "observers", ())
        return observers

    def set_server(self, server: Any) -> None:
        """Remember the server and use its JSON module; called by its constructor."""
        self.server = server
        self.json = server.packet_class.json

    def initialize(self) -> None:
        """Prepare for the first client; subclasses start their listeners here."""

    def get_namespaces(self) -> list[str]:
        """Return the namespaces that have clients."""
        return self._registry.namespaces()

    def get_participants(
        self, namespace: str, room: str | Collection[str] | None
    ) -> Iterator[tuple[str, str]]:
        """Yield ``(sid, Engine.IO sid)`` of each client in a room, in any of several, or of all.

        Overridden, it says who receives what is emitted.
        """
        yield from list(self._registry.members(namespace, room).items())

    def members(self, namespace: str, room: str | Collection[str] | None) -> Mapping[str, str]:
        """Return sid to Engine.IO sid of the clients in a room; may be live, do not change it."""
        return self._registry.members(namespace, room)

    def waiting_members(self, namespace: str, room: str | Collection[str] | None) -> dict[str, str]:
        """Return sid to Engine.IO sid of the pending clients that are to receive, once they are
        connected, what is sent to a room (of several, of all) now.

        What is sent to the sid of a pending client it receives at once.
        """
        return self._registry.waiting(namespace, room)

    @property
    def _is_selective(self) -> bool:
        """Whether an application says itself who receives what."""
        return (
            type(self).get_participants is not _get_participants
            or "get_participants" in self.__dict__
        )

    def _recipients(
        self, namespace: str, room: str | Collection[str] | None
    ) -> tuple[Mapping[str, str], dict[str, str]]:
        """Return ``members``, and of ``waiting_members`` those who are not among them."""
        if self._is_selective:
            return dict(self.get_participants(namespace, room)), {}
        # who connects between the two is in both: nobody is in neither
        waiting = self.waiting_members(namespace, room) if self.pending_connect else {}
        members = self.members(namespace, room)
        if not waiting:  # a difference looks at each member
            return members, waiting
        return members, {sid: waiting[sid] for sid in waiting.keys() - members.keys()}

    def pre_connect(self, eio_sid: str, namespace: str) -> Any:
        """Add a client, as ``basic_pre_connect``; a coroutine in ``AsyncManager``."""
        return self.basic_pre_connect(eio_sid, namespace)

    def connect(self, sid: str, namespace: str) -> Any:
        """Make a client connected, as ``basic_connect``; a coroutine in ``AsyncManager``."""
        return self.basic_connect(sid, namespace)

    def basic_pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Add a client whose connect handler is about to run; return its new sid.

        ``None`` if that connection is in the namespace already.
        """
        sid: str = self.server.eio.generate_id()
        return sid if self._registry.pre_connect(sid, eio_sid, namespace) else None

    def basic_connect(self, sid: str, namespace: str) -> str | None:
        """Make a pending client connected, and return its sid: from now on it receives what is
        sent to its rooms.

        Given the Engine.IO sid of a connection that is not in the namespace, add it first.
        """
        if not self.is_pre_connected(sid, namespace):
            pending = self.basic_pre_connect(sid, namespace)
            if pending is None:
                return None
            sid = pending
        self._registry.connect(sid, namespace)
        return sid

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """True while the connect handler of this client runs."""
        return self._registry.is_pending(sid, namespace)

    def is_connected(self, sid: str | None, namespace: str) -> bool:
        """True from the acceptance of the client until its disconnect begins."""
        return sid is not None and self._registry.is_connected(sid, namespace)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the sid that a connection has in a namespace, or ``None``."""
        return self._registry.sid(eio_sid, namespace)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Return the Engine.IO sid of a client, or ``None``."""
        return self._registry.eio_sid(sid, namespace)

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Mark a client as leaving; return its Engine.IO sid, or ``None`` if it is unknown."""
        return self._registry.pre_disconnect(sid, namespace)

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client, its rooms and its callbacks."""
        self._registry.disconnect(sid, namespace)
        for callback in self._acks.drop(sid):
            if isinstance(callback, PendingCall):
                callback.done.set()

    def basic_enter_room(
        self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None
    ) -> None:
        """Put a client into a room; with ``eio_sid`` an unknown client is connected first.

        ``ValueError`` if the namespace has no clients or ``room`` is the sid of another client;
        ``KeyError`` for an unknown client.
        """
        if eio_sid is not None and not self.is_sid_room(namespace, sid):
            self._registry.pre_connect(sid, eio_sid, namespace)
            self._registry.connect(sid, namespace)
        if namespace not in self._registry.rooms:
            raise ValueError("sid is not connected to requested namespace")
        if room is not None and room != sid and self.is_sid_room(namespace, room):
            raise ValueError("a room cannot have the name of another client's sid")
        self._registry.enter(sid, namespace, room)
        if room is not None:
            for observer in self._observers:
                observer.entered(sid, namespace, room)

    def basic_leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take a client out of a room; unknown clients and rooms are passed over."""
        was_member = sid in self._registry.rooms.get(namespace, {}).get(room, ())
        self._registry.leave(sid, namespace, room)
        for observer in self._observers if was_member else ():
            observer.left(sid, namespace, room)

    def basic_close_room(self, room: str, namespace: str) -> None:
        """Take everybody out of a room; ``ValueError`` if it is the sid of a client."""
        if self.is_sid_room(namespace, room):
            raise ValueError("the room of a client's sid cannot be closed")
        members = list(self._registry.members(namespace, room)) if self._observers else ()
        self._registry.close_room(room, namespace)
        for observer in self._observers:
            for sid in members:
                observer.left(sid, namespace, room)

    def is_sid_room(self, namespace: str, room: str) -> bool:
        """True if ``room`` is the sid of a client."""
        return self._registry.is_sid(room, namespace)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """Return the rooms of a client, its sid included; empty for an unknown client."""
        return self._registry.rooms_of(sid, namespace)

    def forget_callback(self, sid: str, callback: Callable[..., Any]) -> None:
        """Forget a callback of a client that is not waited for any more."""
        self._acks.forget(sid, callback)

    def _generate_ack_id(self, sid: str, callback: Callable[..., Any]) -> int:
        """Keep a callback and return the id under which its acknowledgement will come."""
        dropped = self._acks.dropped
        id = self._acks.add(sid, callback)
        if not dropped and self._acks.dropped:
            self._get_logger().warning(
                "Too many acknowledgements are waited for from %s, the oldest callback is given "
                "up (logged once)",
                sid,
            )
        return id

    def _get_logger(self) -> LoggerLike:
        """The manager's own logger, else the server's, else that of the package."""
        if self.logger is not None:
            return self.logger
        server_logger: LoggerLike | None = getattr(self.server, "logger", None)
        return default_logger if server_logger is None else server_logger


_get_participants = BaseManager.get_participants
"""Ours, whatever takes its place in the class."""
