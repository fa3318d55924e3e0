"""What the managers of a cluster share in every concurrency model: messages, counts, state."""

from __future__ import annotations

import math
import os
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from engineio import json as default_json
from engineio._core.codec import make_codec

from ._core.backoff import Backoff
from ._core.cluster import spell_out_binary, write
from ._core.cluster_acks import ClusterAcks
from ._core.cluster_reader import ClusterReader
from ._core.encoder import UNWRITABLE, dumps_without_bytes
from ._core.outbox import Outbox
from ._values import PendingCall
from .base_manager import BaseManager

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    from engineio._core.codec import Codec
    from engineio.typing import JSONModule, LoggerLike

    from ._core.cluster import Fields, Rooms

MAX_PENDING_PUBLISHES = 10_000
"""Default ``max_pending_publishes``: about 5 MB of ordinary messages."""

MAX_PENDING_BYTES = 67_108_864
"""Default ``max_pending_bytes``: 64 MiB."""

BATCH_BYTES = 262_144
"""Bytes that are sent at once.  A larger message is sent alone: brokers refuse messages for their
size, and some end the connection with all that was sent after."""

SEND_TIMEOUT = 10.0
"""Seconds after which a backend's ``_send`` must have given up on a broker that does not answer."""

LISTEN_TIMEOUT = 1.0
"""Seconds after which ``_listen`` yields ``None`` if nothing has come."""

FIRST_DELAY = 0.1
"""Seconds until a broker that is away is tried again for the first time."""

MAX_DELAY = 5.0
"""Seconds between the attempts in the end; with ``JITTER`` at most half as much again."""

JITTER = 0.5
"""Random part of a delay, so that the processes of a cluster do not all come back at once."""

GATHERING = MAX_DELAY * (1 + JITTER)
"""Seconds in which all processes have tried a broker again that is back."""

CROWD = 1_000
"""Messages waiting for a broker that takes them, from which ``emit()`` waits, too: for ``PATIENCE``
at most."""

PATIENCE = 1.0
"""Seconds, in all or without progress, after which ``emit()`` does not wait for the broker any
more."""

Message: TypeAlias = "str | bytes | dict[str, Any]"

Arrival: TypeAlias = "Message | list[Message] | list[bytes] | None"
"""What ``_listen`` yields: a message, several, or nothing for the moment."""

State: TypeAlias = Literal["idle", "connecting", "connected", "away", "stopped"]
"""``idle``: nothing to do so far; ``away``: the broker was lost, or could never be reached."""

IDLE: State = "idle"
CONNECTING: State = "connecting"
CONNECTED: State = "connected"
AWAY: State = "away"
STOPPED: State = "stopped"


class NotSent(Exception):
    """The broker has certainly got none of the messages: they are kept and sent later.

    ``_send`` raises it where it could not connect, or was refused: ``raise NotSent from error``.

    :param retry_after: seconds until the next attempt; ``None`` for ever longer ones.
    """

    def __init__(self, *args: Any, retry_after: float | None = None) -> None:
        super().__init__(*args)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class ClusterHealth:
    """How a process is connected to its cluster; all counts since the manager was created."""

    state: State
    """``connected`` if messages can be sent and, unless write-only, are received."""
    last_message: float | None
    """Seconds since something came from the broker; ``None`` before the first time."""
    lag: float | None
    """Seconds that an own message took to the broker and back, when last measured, or has been on
    its way by now; ``None`` if it has not been measured."""
    pending: int
    """Messages that wait for the broker."""
    published: int
    """Messages that the broker has taken."""
    dropped: int
    """Messages that were not sent: too many were waiting, or the broker refused them."""
    uncertain: int
    """Messages that were being sent when the broker was lost: they may have arrived."""
    received: int
    """Messages from other processes."""
    missed: int
    """Messages that other processes have sent, or dropped, and that have not arrived here.

    Gaps in the numbers of each process, so at least so many.  A gap shows with the next message of
    the same process: what was lost before the first that has come, or after the last, does not, as
    all that a process loses which emits once and ends.  Acknowledgements of clients bear no number,
    nor do messages from python-socketio 5.x."""
    duplicates: int
    """Messages that the broker delivered twice; the second was passed over."""
    malformed: int
    """Messages that could not be understood; they were passed over."""


@dataclass(slots=True)
class Term:
    """The time of a manager from a start to the next stop.

    What still runs of an earlier one when the next has begun sees that it is over.
    """

    stopping: Any
    """An event: end when what waits is sent."""
    wake: Any
    """An event: there is something to send."""
    settled: Any
    """An event: the first attempt to subscribe has succeeded or failed."""
    tasks: list[tuple[Any, Any]] = field(default_factory=list)
    """What runs in the background, each with an event that is set when it has ended."""
    deadline: float = math.inf
    """When nothing more may be sent."""
    is_retrying: bool = False
    """Whether, in a process without a server, something tries again to send."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more may be sent."""
        return time.monotonic() >= self.deadline


class BasePubSubManager(BaseManager):
    """Everything about a cluster that neither waits nor runs in the background.

    What leaves is behind ``_lock``; what arrives belongs to the listener.
    """

    name: ClassVar[str] = "pubsub"
    """How the logs call it."""

    _lock: AbstractContextManager[Any]

    def __init__(
        self,
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        *,
        max_pending_publishes: int = MAX_PENDING_PUBLISHES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
    ) -> None:
        super().__init__()
        self.channel = channel
        self.write_only = write_only
        self.logger: LoggerLike | None = None if isinstance(logger, bool) else logger
        self.json: Any = default_json if json is None else json
        self.max_pending_publishes = max_pending_publishes
        self.max_pending_bytes = max_pending_bytes
        self._use(make_codec(json))
        self._cluster_acks = ClusterAcks()
        self._outbox = Outbox(max_pending_publishes, max_pending_bytes)
        self._dropped = 0
        self._uncertain = 0
        self._published = 0
        self._in_flight = 0
        self._refusals = 0
        self._complaints: set[str] = set()
        self._lost_before = 0
        self._retry_after: float | None = None
        self._publisher_state: State = IDLE
        self._listener_state: State = IDLE
        self._last_message: float | None = None
        self._last_progress = 0.0
        self._probe: tuple[int, float] | None = None
        self._lag: float | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Make what belongs to one process and one event loop."""
        raise NotImplementedError

    def _use(self, codec: Codec) -> None:
        self._codec = codec
        self._dumps = dumps_without_bytes(codec)
        self._become_a_host()

    def _become_a_host(self) -> None:
        """Take an identity: a child process must not share that of its parent."""
        self._pid = os.getpid()
        self.host_id: str = uuid.uuid4().hex
        self._seq = 0
        self._reader = ClusterReader(self.host_id, self._codec, self._has_members, self._is_here)

    def _is_forked(self) -> bool:
        """Return whether this is the child of the process before, and then become a new host."""
        if os.getpid() == self._pid:
            return False
        self._outbox.clear()  # the parent sends it
        self._listener_state = self._publisher_state = IDLE
        self._probe = None
        self._cluster_acks = ClusterAcks()
        self._become_a_host()
        return True

    def set_server(self, server: Any) -> None:
        """Remember the server and use its JSON; called by its constructor."""
        super().set_server(server)
        self._use(server.wire.codec)

    @property
    def health(self) -> ClusterHealth:
        """The state of the connection to the cluster, and what was lost, now."""
        now = time.monotonic()
        lag, probe, reader = self._lag, self._probe, self._reader
        if probe is not None and (lag is None or now - probe[1] > lag):
            lag = now - probe[1]
        return ClusterHealth(
            state=self._state(),
            last_message=None if self._last_message is None else now - self._last_message,
            lag=lag,
            pending=len(self._outbox),
            published=self._published,
            dropped=self._dropped + self._outbox.dropped,
            uncertain=self._uncertain,
            received=reader.received,
            missed=reader.missed,
            duplicates=reader.duplicates,
            malformed=reader.malformed,
        )

    def _state(self) -> State:
        states = {self._publisher_state, self._listener_state}
        for state in (STOPPED, AWAY, CONNECTING, CONNECTED):
            if state in states:
                return state
        return IDLE

    def can_reach(self, recipient: str, namespace: str) -> bool:
        """Return True: who is connected to other processes is not known here."""
        return True

    def forget_callback(self, sid: str, callback: Callable[..., Any]) -> None:
        """Forget a callback that is not waited for any more."""
        with self._lock:
            local = self._cluster_acks.forget(callback)
        super().forget_callback(sid, callback if local is None else local)

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client, its rooms, its callbacks, and who waits for it alone."""
        super().basic_disconnect(sid, namespace, **kwargs)
        with self._lock:
            callbacks = self._cluster_acks.give_up(sid)
        for callback in callbacks:
            if isinstance(callback, PendingCall):
                callback.done.set()

    # what leaves

    def _address(self, room: str | Collection[str] | None) -> Rooms:
        """Return recipients as JSON has them."""
        return list(room) if isinstance(room, tuple | set | frozenset) else room  # type: ignore[return-value]

    def _encode(self, fields: Fields) -> bytes:
        """Return a message as JSON, not numbered; TypeError for what JSON cannot hold."""
        try:
            try:
                return write(fields, self._dumps)
            except UNWRITABLE:
                spelt_out = spell_out_binary(fields)
                if spelt_out is fields:
                    raise
                return write(spelt_out, self._dumps)
        except TypeError:
            raise
        except UNWRITABLE as error:
            raise TypeError(str(error)) from error

    def _enqueue(self, fields: Fields) -> None:
        """Queue a message for the broker; number it if it is for everybody.

        TypeError for what JSON cannot hold.
        """
        message = self._encode(fields)
        with self._lock:
            if not self._outbox:
                self._last_progress = time.monotonic()
            if fields["method"] == "callback":
                self._outbox.add(message)
                return
            self._seq += 1
            if self._probe is None and self._reader.own_seq:
                self._probe = (self._seq, time.monotonic())
            self._outbox.add(b'%b,"seq":%d}' % (message[:-1], self._seq))

    @property
    def _crowded(self) -> bool:
        """Whether more is emitted than a broker takes that does take something."""
        return (
            len(self._outbox) > CROWD
            and self._publisher_state is CONNECTED
            and time.monotonic() - self._last_progress < PATIENCE
        )

    def _new_backoff(self) -> Backoff:
        return Backoff(FIRST_DELAY, MAX_DELAY, JITTER, random.random)

    def _delay(self, backoff: Backoff) -> float:
        """Return the seconds until the next attempt to send."""
        asked, self._retry_after = self._retry_after, None
        return backoff.next() if asked is None else asked

    # what arrives

    def _is_here(self, sid: str, namespace: str) -> bool:
        return self.eio_sid_from_sid(sid, namespace) is not None

    def _has_members(self, namespace: str, room: Any) -> bool:
        rooms = self._registry.rooms.get(namespace)
        if rooms is not None and (room in rooms or namespace in self.pending_connect):
            return True
        if self._is_selective:
            return True
        return any([observer.listens_to(namespace, room) for observer in self._observers])

    def _note_arrival(self) -> None:
        self._last_message = now = time.monotonic()
        probe = self._probe
        if probe is not None and self._reader.own_seq >= probe[0]:
            self._lag = now - probe[1]
            self._probe = None

    # the state

    def _subscribed(self) -> None:
        """Note that messages are received from now on; a backend's ``_listen`` calls it."""
        self._last_message = time.monotonic()
        if self._listener_state is AWAY:
            self._probe = None  # it may have been missed
            self._get_logger().warning("Receiving from the %s broker again", self.name)
        self._listener_state = CONNECTED

    def _lost_listener(self, error: BaseException | None) -> None:
        if self._listener_state is not AWAY:
            self._listener_state = AWAY
            self._complain(
                "Cannot receive from the %s broker: %s; trying again until it works", error
            )

    @property
    def _lost(self) -> int:
        """Messages that have not reached the broker, or may not have."""
        return self._dropped + self._outbox.dropped + self._uncertain

    def _keep(self, messages: list[bytes], term: Term) -> None:
        """Queue messages again that could not be sent, unless it is too late for them."""
        with self._lock:
            if term.is_over:
                self._dropped += len(messages)
            else:
                self._outbox.put_back(messages)

    def _give_up_waiting(self) -> int:
        """Note that the manager has stopped; return how many messages were lost so far.

        One that is being sent still is among them, and is counted when that has ended.
        """
        with self._lock:
            self._outbox.drop()
            self._publisher_state = STOPPED
            if self._listener_state is not IDLE:
                self._listener_state = STOPPED
            return self._lost + self._in_flight

    def _refused(self, error: BaseException) -> None:
        """Note that the broker will never take one of the messages; a backend's ``_send`` calls it.

        The message is dropped; the log tells of the first that was refused like this.
        """
        self._refusals += 1
        self._dropped += 1
        self._probe = None  # it may be the one
        name = type(error).__name__
        if name not in self._complaints:
            self._complaints.add(name)
            self._complain("The %s broker refuses a message: %s; it is dropped", error)

    def _lost_publisher(self, error: BaseException, term: Term) -> None:
        if self._publisher_state is not AWAY and not term.is_over:
            self._publisher_state = AWAY
            self._complain(
                "Cannot publish to the %s broker: %s; trying again until it works", error
            )

    def _took(self, count: int, term: Term) -> None:
        """Note that the broker has taken messages."""
        self._published += count
        if term.is_over:
            return
        self._last_progress = time.monotonic()
        if self._publisher_state is AWAY:
            lost = self._lost - self._lost_before
            if lost:
                self._probe = None  # it may be among them, and would be on its way for ever
            self._get_logger().warning(
                "Publishing to the %s broker again; %d messages were lost, or may have been",
                self.name,
                lost,
            )
        self._lost_before = self._lost
        self._publisher_state = CONNECTED

    def _complain(self, text: str, error: BaseException | None) -> None:
        reason = "the connection has ended" if error is None else f"{type(error).__name__}: {error}"
        # as an error: a server logs nothing else unless it is asked to
        self._get_logger().error(text, self.name, reason)
