"""The private methods of a server that applications call, wrap and override all the same.

They have the names and arguments that they have in python-socketio, in both colours, and are in
``async_entry.py``, ``entry.py`` and ``async_members.py``.  The fast paths go past each of them as
long as nobody has replaced it: in a subclass, on the instance, in the class itself (noticed with
the next connection), or, those that the Engine.IO server calls, in ``server.eio.handlers``.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar

from engineio._core.session import CLOSED, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engineio.typing import Environ


ENGINE_HOOKS = {
    "connect": "_handle_eio_connect",
    "message": "_handle_eio_message",
    "disconnect": "_handle_eio_disconnect",
}
"""Handlers of the Engine.IO server by their events."""

PACKET_HOOKS = frozenset(("_handle_connect", "_handle_disconnect", "_handle_event", "_handle_ack"))
EVENT_HOOKS = frozenset(("_trigger_event", "_handle_event_internal"))
SEND_HOOKS = frozenset(("_send_packet", "_send_eio_packet"))
HOOKS = frozenset((*ENGINE_HOOKS.values(), *PACKET_HOOKS, *EVENT_HOOKS, *SEND_HOOKS))


def originals_of(server_class: type[OverridePoints]) -> Mapping[str, Callable[..., Any]]:
    """Return the ``HOOKS`` of a class before anybody can have replaced one."""
    return {name: getattr(server_class, name) for name in HOOKS}


class OverridePoints:
    """Knows which of the ``HOOKS`` have been replaced."""

    eio: Any
    manager: Any
    environ: dict[str, Environ]
    _made_up: dict[str, Session]
    _originals: ClassVar[Mapping[str, Callable[..., Any]]]
    """The ``HOOKS`` as they are written: see ``originals_of``."""
    _registered: dict[str, Callable[..., Any]]
    """What the engine was given to call, by events."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in HOOKS:
            self._look_for_hooks()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in HOOKS:
            self._look_for_hooks()

    def _look_for_hooks(self) -> None:
        """Look what has been replaced; with each connection, for classes may be patched, too."""
        hooks = {name for name in HOOKS if self._is_overridden(name)}
        self._sends_hooked = not SEND_HOOKS.isdisjoint(hooks) or "send_packet" in vars(self.eio)
        self._packets_hooked = self._sends_hooked or not hooks.isdisjoint(
            PACKET_HOOKS | EVENT_HOOKS
        )
        handlers = self.eio.handlers
        for event, name in ENGINE_HOOKS.items():
            # an application may have registered a handler of its own with the engine
            if handlers.get(event) == self._registered[event]:
                handlers[event] = self._registered[event] = getattr(self, name)

    def _is_overridden(self, name: str) -> bool:
        return name in vars(self) or getattr(type(self), name) is not self._originals[name]

    def _original(self, name: str) -> Callable[..., Any]:
        """Our own method, whatever has taken its place."""
        return MethodType(self._originals[name], self)

    def _engine_handlers(self) -> dict[str, Callable[..., Any]]:
        """Our own handlers of the engine's events."""
        return {event: self._original(name) for event, name in ENGINE_HOOKS.items()}

    # connections that tests make up

    def _made_up_session(self, eio_sid: str) -> Session:
        """The session of a connection, or for a test one with nobody behind it: what is sent to it
        goes no further than to the methods that the test has replaced."""
        session: Session | None = self.eio.engine.sessions.get(eio_sid)
        if session is None:
            session = self._made_up[eio_sid] = Session(eio_sid, "polling")
            session.state = CLOSED
        return session
