"""The registry and the callbacks where threads share them: one lock around each call.

Nothing waits or switches to another greenlet under the lock, so a native one serves every model.
"""

from __future__ import annotations

from _thread import RLock
from typing import TYPE_CHECKING, Any

from ._core.acks import AckTable
from ._core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class LockedRegistry(Registry):
    """A registry for any number of threads."""

    def __init__(self) -> None:
        super().__init__()
        self.lock: RLock = RLock()

    def members(self, namespace: str, room: str | Collection[str] | None) -> Mapping[str, str]:
        """Return a copy: others may come and go while it is used."""
        with self.lock:
            return dict(super().members(namespace, room))


class LockedAckTable(AckTable):
    """Callbacks for any number of threads."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        super().__init__()
        self.lock: RLock = RLock()


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


_LOCKED: dict[type, tuple[str, ...]] = {
    LockedRegistry: (
        "replace",
        "pre_connect",
        "connect",
        "pre_disconnect",
        "disconnect",
        "is_connected",
        "eio_sid",
        "enter",
        "leave",
        "close_room",
        "rooms_of",
        "namespaces",
        "waiting",
    ),
    LockedAckTable: ("add", "pop", "forget", "drop"),
}
"""Methods that are those of the base class, but under the lock."""

for _class, _names in _LOCKED.items():
    for _name in _names:
        setattr(_class, _name, _locked(getattr(_class, _name)))
