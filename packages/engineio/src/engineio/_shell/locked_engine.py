"""The engine where threads share it: one lock around each call, and a flush at its end.

What the lock guards never waits and never switches to another greenlet: channels queue what they
are given, and send it after the lock has been released.  A native lock therefore serves threads,
gevent and eventlet alike, patched or not.

hot path (benchmark "event with ack", threads): ``receive``, ``send`` and ``broadcast``.
"""

from __future__ import annotations

from _thread import RLock
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .._core.engine import Engine
from .._core.session import OPEN, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .._core.message import Message
    from .._core.options import Options
    from .._core.session import Transport

    Lock: TypeAlias = RLock


class Pumped(Protocol):
    """What has something to do that must wait for the lock to be free: to send, or to log."""

    def pump(self) -> None:
        """Do it; another thread may be doing it already."""
        ...


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method under the lock; sessions that it closed are told where it was called."""

    def locked(self: LockedEngine, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            if self._entered:  # by this thread: the engine calls itself
                return method(self, *args, **kwargs)
        closed: list[Session] = []
        try:
            with self.lock:
                self._entered = True
                try:
                    return method(self, *args, **kwargs)
                finally:
                    closed = self._finish()
        finally:
            self._leave(closed, self._on_closed)

    return locked


class LockedEngine(Engine):
    """An engine for any number of threads; each call leaves nothing to flush behind.

    :param clock: monotonic seconds.
    :param on_closed: called, without the lock, with sessions that the caller's request, frame or
        ``disconnect`` has closed.
    :param on_closed_elsewhere: the same for sessions that were closed by a deadline or by sending
        too much: here the caller cannot run their handlers.
    :param on_rearm: called when ``next_deadline`` may have come nearer.
    """

    def __init__(
        self,
        options: Options,
        clock: Callable[[], float],
        on_closed: Callable[[list[Session]], None],
        on_closed_elsewhere: Callable[[list[Session]], None],
        on_rearm: Callable[[], None],
        new_session: Callable[[str, Transport], Session] = Session,
        sessions: dict[str, Session] | None = None,
    ) -> None:
        super().__init__(options, _nothing, new_session, sessions)
        self.lock: RLock = RLock()
        self.ready: deque[Pumped] = deque()
        """Channels with something to do, once the lock is free."""
        self._entered = False
        """True while a call is being carried out: what it calls in turn has no end of its own."""
        self._clock = clock
        self._on_closed = on_closed
        self._on_closed_elsewhere = on_closed_elsewhere
        self._on_rearm = on_rearm

    def receive(self, session: Session, data: str | bytes, now: float) -> str | bytes | None:
        """Take one packet; a message, by far the most frequent one, needs no lock."""
        if session.state is OPEN:
            if type(data) is not str:
                return data
            if data[:1] == "4":
                return data[1:]
        message: str | bytes | None = _receive_other(self, session, data, now)
        return message

    def send(self, session: Session, messages: Sequence[Message]) -> None:
        """Queue messages for one session, as one unit, and send them."""
        with self.lock:
            if self._entered:
                super().send(session, messages)
                return
            self._entered = True
            try:
                super().send(session, messages)
            finally:
                closed = self._finish()
        self._leave(closed, self._on_closed_elsewhere)

    def broadcast(self, sids: Iterable[str], messages: Sequence[Message]) -> None:
        """Queue the same messages for many sessions, and send them."""
        with self.lock:
            if self._entered:
                super().broadcast(sids, messages)
                return
            self._entered = True
            try:
                super().broadcast(sids, messages)
            finally:
                closed = self._finish()
        self._leave(closed, self._on_closed_elsewhere)

    def tick(self, now: float) -> None:
        """Act on the deadlines that have come."""
        with self.together():
            super().tick(now)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let no other thread come between several calls; what they send leaves afterwards.

        What is done meanwhile must not wait.
        """
        with self.lock:
            if self._entered:
                yield
                return
        closed: list[Session] = []
        try:
            with self.lock:
                self._entered = True
                try:
                    yield
                finally:
                    closed = self._finish()
        finally:
            self._leave(closed, self._on_closed_elsewhere)

    def hold(self, session: Session, now: float) -> None:
        """Do not expect a PONG; then call ``release``."""
        with self.lock:
            super().hold(session, now)

    def release(self, session: Session, now: float) -> None:
        """End what ``hold`` began."""
        with self.lock:
            super().release(session, now)

    def _finish(self) -> list[Session]:
        """Flush, under the lock, and return the sessions that have been closed."""
        try:
            if not self.settled:
                self.flush(self._clock())
        finally:
            self._entered = False
        closed, self.closed = self.closed, []
        return closed

    def _leave(self, closed: list[Session], tell_closed: Callable[[list[Session]], None]) -> None:
        """Do, without the lock, what has to be done at the end of a call."""
        try:
            self._settle()
        finally:
            if closed:
                tell_closed(closed)

    def _settle(self) -> None:
        ready = self.ready
        while ready:
            try:
                channel = ready.popleft()
            except IndexError:
                break
            channel.pump()
        if self.rearm:
            self.rearm = False
            self._on_rearm()


def _nothing() -> None:
    """Nothing is put off: see ``_finish``."""


LOCKED = (
    "create",
    "accept",
    "refuse",
    "forget",
    "close",
    "fail",
    "attach",
    "detach",
    "start_probe",
    "probe",
    "abandon",
    "dismiss",
    "begin_post",
    "body_has_come",
    "end_post",
    "expect",
    "satisfy",
    "expect_rest",
    "rest_has_come",
    "linger",
    "route",
    "pong_due",
    "next_deadline",
    "still_congested",
    "give_up_congested",
)
"""Methods that are those of ``Engine``, but under the lock."""

for _name in LOCKED:
    setattr(LockedEngine, _name, _locked(getattr(Engine, _name)))

_receive_other = _locked(Engine.receive)
