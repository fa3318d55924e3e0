"""The registry and the callbacks where threads share them: one lock around each call.

Nothing waits or switches to another greenlet under the lock, so a native one serves every model.
"""

from __future__ import annotations

from _thread import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from ._core.acks import AckTable
from ._core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

P = ParamSpec("P")
R = TypeVar("R")


def _locked_registry(
    method: Callable[Concatenate[Registry, P], R],
) -> Callable[Concatenate[LockedRegistry, P], R]:
    def locked(self: LockedRegistry, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class LockedRegistry(Registry):
    """A registry for any number of threads."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = RLock()

    pre_connect = _locked_registry(Registry.pre_connect)
    connect = _locked_registry(Registry.connect)
    pre_disconnect = _locked_registry(Registry.pre_disconnect)
    disconnect = _locked_registry(Registry.disconnect)
    is_connected = _locked_registry(Registry.is_connected)
    eio_sid = _locked_registry(Registry.eio_sid)
    enter = _locked_registry(Registry.enter)
    leave = _locked_registry(Registry.leave)
    close_room = _locked_registry(Registry.close_room)
    rooms_of = _locked_registry(Registry.rooms_of)
    namespaces = _locked_registry(Registry.namespaces)
    waiting = _locked_registry(Registry.waiting)

    def members(self, namespace: str, room: str | Collection[str] | None) -> Mapping[str, str]:
        """Return a copy: others may come and go while it is used."""
        with self.lock:
            return dict(super().members(namespace, room))


def _locked_acks(
    method: Callable[Concatenate[AckTable, P], R],
) -> Callable[Concatenate[LockedAckTable, P], R]:
    def locked(self: LockedAckTable, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class LockedAckTable(AckTable):
    """Callbacks for any number of threads."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        super().__init__()
        self.lock = RLock()

    add = _locked_acks(AckTable.add)
    pop = _locked_acks(AckTable.pop)
    forget = _locked_acks(AckTable.forget)
    drop = _locked_acks(AckTable.drop)
