"""Carries the frames of one WebSocket into the engine, first as a probe if it is an upgrade.

hot path (benchmark "event with ack"): ``frame`` runs once per incoming message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .._core.channel import Channel
    from .._core.engine import Engine
    from .._core.layer import Pending
    from .._core.session import Session


class WebSocket(Protocol):
    """A WebSocket that a driver has opened."""

    @property
    def channel(self) -> Channel:
        """Where messages to the peer go."""
        ...

    async def serve(self, receiver: Receiver) -> Any:
        """Hand every frame to ``receiver.frame`` and the end to ``receiver.lost``.

        Returns when the WebSocket has ended, or at once where the web server does not wait for
        its handler.  What is returned is what ``handle_request`` returns.
        """
        ...


class Receiver:
    """What a driver hands the frames of one WebSocket to."""

    __slots__ = ("_channel", "_clock", "_engine", "_probing", "_received", "_upgraded", "session")

    def __init__(
        self,
        engine: Engine,
        session: Session,
        channel: Channel,
        received: Callable[[Session, str | bytes], Pending],
        clock: Callable[[], float],
        *,
        probing: bool,
        upgraded: Callable[[Session], None] | None = None,
    ) -> None:
        self.session: Session = session
        self._engine = engine
        self._channel = channel
        self._received = received
        self._clock = clock
        self._probing = probing
        self._upgraded = upgraded

    def frame(self, data: str | bytes) -> Pending:
        """Take one frame; finish what is returned before the next one."""
        try:
            if self._probing:
                self._probe(data)
                return None
            message = self._engine.receive(self.session, data, self._clock())
            if message is None:
                return None
            return self._received(self.session, message)
        except ProtocolError as error:
            self.failed(error)
            return None

    def _probe(self, data: str | bytes) -> None:
        if self._engine.probe(self.session, self._channel, data):
            self._probing = False
            if self._upgraded is not None:
                self._upgraded(self.session)

    async def finish(self, pending: Coroutine[Any, Any, None]) -> None:
        """Finish what ``frame`` returned."""
        engine, session = self._engine, self.session
        engine.hold(session, self._clock())
        try:
            await pending
        except ProtocolError as error:
            self.failed(error)
        finally:
            engine.release(session, self._clock())

    def failed(self, error: ProtocolError) -> None:
        """The peer broke the protocol, here or in a driver (a frame too large, invalid UTF-8)."""
        if self._probing:
            self._engine.abandon(self.session, self._channel)
        else:
            self._engine.fail(self.session, error)

    def lost(self) -> None:
        """The WebSocket has ended."""
        self._engine.detach(self.session, self._channel)
