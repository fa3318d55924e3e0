"""How applications register functions as handlers of events, on servers and on clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._core.handlers import Handler

HandlerT = TypeVar("HandlerT", bound="Callable[..., Any]")


class Registration:
    """The methods by which a server or a client is given its handlers."""

    handlers: dict[str, dict[str, Handler]]
    """Namespace to event to function; the subclass creates it."""

    @overload
    def on(
        self, event: str, handler: None = None, namespace: str | None = None
    ) -> Callable[[HandlerT], HandlerT]: ...

    @overload
    def on(self, event: str, handler: Callable[..., Any], namespace: str | None = None) -> None: ...

    def on(
        self, event: str, handler: Callable[..., Any] | None = None, namespace: str | None = None
    ) -> Any:
        """Register the handler of an event; without ``handler`` this is a decorator.

        Handlers are called with the arguments of the event, those of a server with the client's
        sid before them.  ``connect`` is called with the sid, the environ and the client's auth
        data on a server, with nothing on a client; ``disconnect`` with the sid and the reason, or
        with the reason; ``connect_error`` of a client with what the server refused with.

        ``*`` as ``event`` takes every event without a handler of its own, except those three, and
        gets its name as first argument; ``*`` as ``namespace`` (default ``/``) takes every
        namespace without a handler for the event, and gets the namespace's name.  The last
        registration wins.

        What a handler returns acknowledges the event: a tuple several values, ``None`` none.  If
        it raises, this is logged, and the peer gets no acknowledgement: silence and not an empty
        answer, so that it does not take a failure for success.
        """
        namespace = namespace or "/"

        def register(handler: HandlerT) -> HandlerT:
            self.handlers.setdefault(namespace, {})[event] = handler
            return handler

        if handler is None:
            return register
        register(handler)
        return None

    @overload
    def event(self, handler: HandlerT, /) -> HandlerT: ...

    @overload
    def event(self, *args: Any, **kwargs: Any) -> Callable[[HandlerT], HandlerT]: ...

    def event(self, *args: Any, **kwargs: Any) -> Any:
        """Register a function as the handler of the event that it is named after.

        A decorator, ``@sio.event`` or ``@sio.event(namespace="/chat")``.
        """
        if len(args) == 1 and not kwargs and callable(args[0]):
            return self.on(args[0].__name__)(args[0])

        def register(handler: HandlerT) -> HandlerT:
            self.on(handler.__name__, handler, *args, **kwargs)
            return handler

        return register
