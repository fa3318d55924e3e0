"""A whole Engine.IO server as a value: frames, sends and time in; channel writes out.

Implements revision 4 of the Engine.IO protocol for every session of one server.  It does no I/O
and knows no clock: the shell passes the time (monotonic seconds), calls ``flush`` once per turn
after ``wake`` was called, ``tick`` when ``next_deadline`` has come, and runs the application's
handlers for what it finds in ``closed``.

hot path: ``receive``, ``send``, ``broadcast`` and ``flush`` (benchmarks "event with ack" and
"broadcast").  It is longer than other files because it is the one place where all of this meets;
what can be told apart is in files of its own.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from ..exceptions import ProtocolError
from . import admission
from .backlogs import Backlogs
from .counters import Counters
from .deadlines import Deadlines
from .farewell import Farewells
from .handshake import open_message
from .heartbeat import Heartbeat
from .message import MESSAGE_OVERHEAD, NOOP, PING, weight
from .outbox import drop_outbox, take_poll
from .posts import Posts
from .reason import Reason
from .session import CLOSED, CLOSING, OPEN, OPENING, Session
from .upgrades import Upgrades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .admission import Decision
    from .channel import Channel
    from .message import Message
    from .options import Options
    from .request import Request
    from .session import Transport

TURN_BYTES = 262_144
"""Bytes sent to all sessions within one turn from which senders are asked to let it end."""

WS_NORMAL = 1000
WS_PROTOCOL_ERROR = 1002
WS_TOO_BIG = 1009


class Engine:
    """All sessions of one server.  Single owner; shells with threads lock around each call."""

    def __init__(
        self,
        options: Options,
        wake: Callable[[], None],
        new_session: Callable[[str, Transport], Session] = Session,
        sessions: dict[str, Session] | None = None,
    ) -> None:
        self.sessions: dict[str, Session] = {} if sessions is None else sessions
        self._new_session = new_session
        self.counters: Counters = Counters()
        self.closed: list[Session] = []
        """Sessions whose end the application has not been told; the shell empties it."""
        self.turn_bytes: int = 0
        """Bytes sent to all sessions since the last flush."""
        self.rearm: bool = False
        """True when ``next_deadline`` may have come nearer; the shell resets it."""
        self._options = options
        self._wake = wake
        self._backlogs = Backlogs(options.max_send_buffer)
        self._dirty: list[Session] = []
        self._heartbeat = Heartbeat(options)
        self._owed: Deadlines[Session] = Deadlines()
        self._rest: Deadlines[Session] = Deadlines()
        self._posts = Posts()
        self._upgrades = Upgrades()
        self._farewells = Farewells(self.counters)
        self._deadlines = (
            *self._heartbeat.deadlines,
            self._owed,
            self._rest,
            self._posts.deadlines,
            self._upgrades.deadlines,
            *self._farewells.deadlines,
        )
        self._known = ChainMap(self.sessions, self._farewells.leaving)

    # requests

    def admit(self, request: Request) -> Decision:
        """Decide what a request is: refused, a new session, a poll, a POST or an upgrade.

        The application may be called, for its opinion about the origin.
        """
        refusal = admission.screen(request, self._options)
        return self.route(request) if refusal is None else refusal

    def route(self, request: Request) -> Decision:
        """Do the part of ``admit`` that looks at the sessions."""
        return admission.route(
            request, self._options, self._known if self._farewells.leaving else self.sessions
        )

    # the life of a session

    def create(self, sid: str, transport: Transport, *, can_upgrade: bool = True) -> Session:
        """Make a session that waits for the application; next call ``accept`` or ``refuse``.

        ``can_upgrade`` is False where the web server cannot give a WebSocket.
        """
        session = self.sessions[sid] = self._new_session(sid, transport)
        options = self._options
        upgradable = (
            can_upgrade
            and transport == "polling"
            and options.allow_upgrades
            and "websocket" in options.transports
        )
        session.outbox.append(open_message(sid, ["websocket"] if upgradable else [], options))
        session.queued = weight(session.outbox)
        return session

    def accept(self, session: Session, now: float) -> None:
        """The application accepts: the handshake goes out first, then what it sent meanwhile."""
        session.state = OPEN
        self.counters.opened += 1
        self._heartbeat.start(session, now)
        self.rearm = True
        self._mark(session)

    def refuse(self, session: Session) -> None:
        """The application refuses: the session never existed."""
        session.state = CLOSED
        self.forget(session)

    def forget(self, session: Session) -> None:
        """The application has been told of the end: the sid is unknown from now on."""
        self.sessions.pop(session.sid, None)

    def close(self, session: Session, reason: str, code: int = WS_NORMAL) -> None:
        """End a session; a second call does nothing.

        A CLOSE packet follows what is queued if the peer does not know of the end.  Without a
        waiting GET it is kept for the next one, for at most ``CLOSE_TIMEOUT``.
        """
        if session.state is not OPEN:
            return
        session.state = CLOSED
        session.reason = reason
        self.counters.closed += 1
        self._backlogs.forget(session)
        self._heartbeat.stop(session)
        self._owed.disarm(session)
        self._rest.disarm(session)
        self._posts.cut(session)
        candidate = self._upgrades.end(session)
        if candidate is not None:
            self._farewells.shut_channel(candidate, WS_NORMAL)
        self._farewells.say(session, code)
        self.closed.append(session)
        self._wake()

    def fail(self, session: Session, error: ProtocolError) -> None:
        """Close a session whose peer broke the protocol or exceeded a limit."""
        if session.state is OPEN:
            self.counters.protocol_errors += 1
            too_big = error.status == 413
            self.close(
                session, Reason.TRANSPORT_ERROR, WS_TOO_BIG if too_big else WS_PROTOCOL_ERROR
            )

    # channels

    def attach(self, session: Session, channel: Channel) -> None:
        """A WebSocket was opened for a new session, or a GET of a polling session waits.

        Raises ProtocolError if the session has ended since ``admit``, and if another GET is
        waiting already, which closes the session.
        """
        if session.state is CLOSING:
            self._farewells.hand_over(session, channel)
            return
        if session.state is CLOSED:
            raise ProtocolError("the session has ended")
        if session.channel is not None:
            error = ProtocolError("another GET of this session is waiting")
            self.fail(session, error)
            raise error
        if session.held:
            channel.write([NOOP])
            return
        session.channel = channel
        if session.outbox:
            self._flush_session(session)

    def detach(self, session: Session, channel: Channel) -> None:
        """A WebSocket has ended, or the peer of a waiting GET has gone."""
        if self._farewells.ended(channel):
            self.counters.messages_dropped += channel.unsent
        elif channel is session.candidate:
            self._end_probe(session)
        elif channel is session.channel:
            self.counters.messages_dropped += channel.unsent
            websocket = session.transport == "websocket"
            session.channel = None
            self.close(session, Reason.TRANSPORT_CLOSE if websocket else Reason.TRANSPORT_ERROR)

    # upgrade

    def start_probe(self, session: Session, channel: Channel, now: float) -> None:
        """A WebSocket wants to take over from long-polling; its frames go to ``probe``.

        If the session has ended or found another WebSocket since ``admit``, it is closed.
        """
        if not self._upgrades.start(session, channel, now + self._options.upgrade_timeout):
            self.dismiss(channel)
            return
        self._look_at_deadlines()

    def probe(self, session: Session, channel: Channel, data: str | bytes) -> bool:
        """Take one frame of a probing WebSocket; True once it is the session's transport.

        Raises ProtocolError for a frame that is not the next step; the caller then calls
        ``abandon``, and polling goes on.
        """
        upgraded = self._upgrades.step(session, channel, data)
        if upgraded:
            self._flush_session(session)
        return upgraded

    def abandon(self, session: Session, channel: Channel) -> None:
        """Give up an upgrade: close the probing WebSocket and go on with long-polling."""
        if channel is session.candidate:
            self._farewells.shut_channel(channel, WS_PROTOCOL_ERROR)
            self._end_probe(session)
            self._wake()

    def dismiss(self, channel: Channel) -> None:
        """Close a WebSocket that no session wants."""
        self._farewells.shut_channel(channel, WS_NORMAL)
        self._wake()

    def _end_probe(self, session: Session) -> None:
        self._upgrades.end(session)
        self._mark(session)

    # incoming

    def receive(self, session: Session, data: str | bytes, now: float) -> str | bytes | None:
        """Take one packet; return the application's message, or ``None`` if it was for us.

        Text without its type digit, or bytes.  Whatever arrives after the close is ignored.
        Raises ProtocolError for anything else than a message, a pong or a close; the caller
        passes it to ``fail``.
        """
        if session.state is not OPEN:
            return None
        if type(data) is not str:
            return data
        if data[:1] == "4":
            return data[1:]
        if data == "3":
            if self._heartbeat.answered(session, now):
                self._look_at_deadlines()
        elif data == "1":
            self.close(session, Reason.CLIENT_DISCONNECT)
        else:
            raise ProtocolError("unexpected packet")
        return None

    def begin_post(self, session: Session, cut: Callable[[], None], now: float) -> None:
        """Start a POST: read its body, ``body_has_come``, ``receive`` its packets, ``end_post``.

        ``cut`` is called, and must neither wait nor raise, if the session ends before all of the
        body has come, which it does after ``body_timeout``.  Raises ProtocolError, for ``fail``,
        while another POST is being processed.
        """
        self._posts.begin(session, cut, now + self._options.body_timeout)
        self._look_at_deadlines()

    def body_has_come(self, session: Session) -> None:
        """The body of the POST is complete.  Raises ProtocolError if the session has ended."""
        self._posts.complete(session)

    def end_post(self, session: Session) -> None:
        """The POST that ``begin_post`` started is done."""
        self._posts.end(session)

    def hold(self, session: Session, now: float) -> None:
        """The application holds back what the peer sends, its PONG too; then call ``release``.

        Until then, but for at most ``MAX_HOLD``, the session does not end for want of a PONG.
        """
        self._heartbeat.hold(session, now)

    def release(self, session: Session, now: float) -> None:
        """What ``hold`` began is over: a PONG that is owed is due within ``ping_timeout``."""
        self._heartbeat.release(session, now)

    # outgoing

    def send(self, session: Session, messages: Sequence[Message]) -> None:
        """Queue messages for one session, as one unit."""
        if session.state is not OPEN and session.state is not OPENING:
            self.counters.messages_dropped += len(messages)
            return
        size = 0
        for message in messages:
            size += len(message.payload)
        unit = size + MESSAGE_OVERHEAD * len(messages)
        session.outbox += messages
        session.queued += unit
        self.turn_bytes += size
        if not session.dirty:
            self._mark(session)
        if session.queued > self._backlogs.eager:
            self._flush_session(session, unit)

    def broadcast(self, sids: Iterable[str], messages: Sequence[Message]) -> None:
        """Queue the same messages for many sessions; unknown ones are passed over."""
        count = len(messages)
        size = len(messages[0].payload)
        if count > 1:
            size = sum([len(message.payload) for message in messages])
        unit = size + MESSAGE_OVERHEAD * count
        sessions = self.sessions
        dirty = self._dirty
        eager = self._backlogs.eager
        idle = not dirty
        for sid in sids:
            session = sessions.get(sid)
            if session is None or (session.state is not OPEN and session.state is not OPENING):
                self.counters.messages_dropped += count
                continue
            session.outbox += messages
            session.queued += unit
            if not session.dirty:
                session.dirty = True
                dirty.append(session)
            if session.queued > eager:
                self._flush_session(session, unit)
            self.turn_bytes += size
        if idle and dirty:
            self._wake()

    def flush(self, now: float) -> None:
        """Write what is queued; to be called once per turn after ``wake``."""
        self.turn_bytes = 0
        self._backlogs.set_limit(self._options.max_send_buffer)
        dirty, self._dirty = self._dirty, []
        try:
            for session in dirty:
                session.dirty = False
                if session.outbox:
                    self._flush_session(session)
        except BaseException:
            # a channel failed: the sessions after it are for the next turn
            self._dirty += [session for session in dirty if session.dirty]
            self._wake()
            raise
        if self._farewells.shut:
            self._farewells.arm(now)
            self.rearm = True

    @property
    def settled(self) -> bool:
        """True if ``flush`` has nothing to do."""
        return not self._dirty and not self._farewells.shut

    def linger(self, session: Session, now: float) -> None:
        """Forget a closed session, but keep its last payload for the next GET if it has one."""
        self.forget(session)
        if self._farewells.linger(session, now):
            self._look_at_deadlines()

    def _mark(self, session: Session) -> None:
        if not session.dirty:
            session.dirty = True
            self._dirty.append(session)
        if len(self._dirty) == 1:
            self._wake()

    def _flush_session(self, session: Session, unit: int = 0) -> None:
        """Write what is queued if there is a channel for it, unless it is too much.

        ``unit`` is the size of what was queued last, if that has made it more than is queued
        within a turn.
        """
        channel = session.channel
        backlogs = self._backlogs
        if session.state is not OPEN:
            return
        if channel is None or session.held:
            waiting = session.queued
        elif session.transport == "websocket":
            if unit or backlogs.watched:
                # who has taken everything may be written whatever a turn has for him
                buffered = channel.buffered
                waiting = buffered + session.queued if buffered else 0
                if backlogs.is_too_much(session, waiting, unit):
                    self._overflow(session)
                    return
            outbox, session.outbox, session.queued = session.outbox, [], 0
            channel.write(outbox)
            waiting = channel.buffered
        else:
            session.channel = None
            channel.write(take_poll(session))
            waiting = session.queued
        if (waiting > backlogs.mark or backlogs.watched) and backlogs.is_too_much(
            session, waiting, unit
        ):
            self._overflow(session)

    @property
    def crowded(self) -> bool:
        """True if senders should wait: much was sent in this turn, or a session lags behind."""
        return self.turn_bytes > TURN_BYTES or bool(self._backlogs.congested)

    def still_congested(self) -> bool:
        """Look again whether a session lags behind that was not given up."""
        return bool(self._backlogs.still_congested())

    def give_up_congested(self) -> None:
        """Do not ask senders to wait for those that lag behind, until they have caught up."""
        self._backlogs.give_up()

    def _overflow(self, session: Session) -> None:
        self.counters.slow_clients_closed += 1
        channel = session.channel
        self.counters.messages_dropped += drop_outbox(session)
        self.close(session, Reason.TRANSPORT_ERROR)
        if channel is not None:
            channel.abort()

    # time

    def expect(self, session: Session, delay: float, now: float) -> None:
        """The peer owes something within ``delay`` seconds, else its session is closed.

        A wait that has begun goes on as it was, until ``satisfy``.
        """
        if session not in self._owed:
            self._owed.arm(session, now + delay)
        self._look_at_deadlines()

    def satisfy(self, session: Session) -> None:
        """The peer has delivered what ``expect`` waits for."""
        self._owed.disarm(session)

    def expect_rest(self, session: Session, delay: float, now: float) -> None:
        """The peer owes the rest of a message of several packets, likewise."""
        self._rest.arm(session, now + delay)
        self._look_at_deadlines()

    def rest_has_come(self, session: Session) -> None:
        """The message is complete that ``expect_rest`` waits for."""
        self._rest.disarm(session)

    def _look_at_deadlines(self) -> None:
        self.rearm = True
        self._wake()

    def next_deadline(self) -> float | None:
        """When ``tick`` must be called at the latest (monotonic seconds)."""
        return min(
            (due for deadlines in self._deadlines if (due := deadlines.next()) is not None),
            default=None,
        )

    def pong_due(self, session: Session) -> float | None:
        """When the PONG of a session must be here; ``None`` if none is owed."""
        return self._heartbeat.pong_due(session)

    def tick(self, now: float) -> None:
        """Act on the deadlines that have come."""
        to_ping, missed = self._heartbeat.due(now)
        for session in to_ping:
            self.send(session, (PING,))
        for session in missed:
            self.counters.ping_timeouts += 1
            self.close(session, Reason.PING_TIMEOUT)
        for session in self._upgrades.deadlines.expire(now):
            assert session.candidate is not None  # armed and disarmed with it
            self.abandon(session, session.candidate)
        for deadlines in (self._owed, self._rest, self._posts.deadlines):
            for session in deadlines.expire(now):
                self.fail(session, ProtocolError("the client did not send what it announced"))
        self._farewells.tick(now)
