"""What a synchronous driver provides besides HTTP: how its model runs, waits and sends.

Threads, gevent and eventlet each bring their own, so that nothing here depends on a patched
standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Event(Protocol):
    """What ``create_event()`` returns, as ``threading.Event``."""

    def set(self) -> Any: ...

    def clear(self) -> Any: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until it is set; return a true value if it is, after ``timeout`` a false one."""
        ...


class Stream(Protocol):
    """A connected socket, with TLS or without, for one reader and any number of senders."""

    def receive(self) -> bytes:
        """Wait for data; empty when the peer has gone, or after ``abort``."""
        ...

    def send(self, data: bytes) -> int:
        """Send what can be sent without waiting; return how many bytes, -1 if the peer has gone.

        Not to be called by two threads at once.
        """
        ...

    def when_writable(self, function: Callable[[], None]) -> None:
        """Call ``function`` once, from elsewhere, when ``send`` can make progress."""
        ...

    def abort(self) -> None:
        """End the connection; ``receive`` then returns empty.  Never raises."""
        ...


class Concurrency(Protocol):
    """How a model runs things.  One object a process.

    What a function raises that is run in the background is logged.  The application may send from
    any thread, also where everything else happens in greenlets.
    """

    def enter(self) -> None:
        """Take note that a request is handled by this thread: what is run belongs into it."""
        ...

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function of the server in the background, from now on."""
        ...

    def run_handler(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a handler in the background; waits while as many run as may."""
        ...

    def run_later(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a handler in the background, before long; never waits, whatever other handlers do."""
        ...

    def free_handlers(self) -> float:
        """Return how many more handlers may begin at this moment."""
        ...

    def event(self) -> Event:
        """Return a new event."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause the caller."""
        ...

    def stream(self, socket: Any) -> Stream:
        """Take over a connected socket of this model."""
        ...
