"""Whatever the order in which requests, frames, sends, ends and deadlines come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine_support import Options, RecordingChannel
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engineio._core.engine import Engine
from engineio._core.message import Message
from engineio._core.reason import Reason
from engineio._core.session import CLOSED, CLOSING, OPEN
from engineio.exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable


class Get(RecordingChannel):
    """A waiting GET, which is answered once."""

    def write(self, messages: list[Message]) -> None:
        assert not self.is_answered
        super().write(messages)
        assert self.written

    @property
    def is_answered(self) -> bool:
        return bool(self.written) or self.aborted or self.closed is not None


class Socket(RecordingChannel):
    """A WebSocket, to which nothing is written after its end."""

    def write(self, messages: list[Message]) -> None:
        assert self.closed is None
        assert not self.aborted
        super().write(messages)


class Interleavings(RuleBasedStateMachine):
    """No interleaving loses, repeats or reorders a message before the end, and that is final."""

    def __init__(self) -> None:
        super().__init__()
        options = Options(max_send_buffer=None, upgrade_timeout=10, body_timeout=15)
        self.engine = Engine(options, lambda: None)
        self.now = 0.0
        self.session = self.engine.create("sid", "polling")
        self.engine.accept(self.session, self.now)
        self.channels: list[Get | Socket] = []
        """All that the peer has opened, in order."""
        self.read: list[int] = []
        """How much of each has been looked at."""
        self.candidate: Socket | None = None
        self.probed = False
        self.posts: list[bool] = []
        """For each POST whether it was cut."""
        self.posting = False
        self.sent: list[bytes] = []
        self.taken: list[bytes] = []
        self.reason: str | None = None
        """Why the session ended."""
        self.is_final = False
        self.untold = 0
        self.get()

    @property
    def is_open(self) -> bool:
        return self.session.state is OPEN

    @property
    def is_polling(self) -> bool:
        return self.session.transport == "polling"

    def _open(self, channel: Get | Socket) -> None:
        self.channels.append(channel)
        self.read.append(0)

    # sending

    @rule(count=st.integers(1, 40), flush=st.booleans())
    def send(self, count: int, flush: bool) -> None:
        dropped = self.engine.counters.messages_dropped
        for _ in range(count):
            packet = b"4%d" % len(self.sent)
            if self.is_open:
                self.sent.append(packet)
            self.engine.send(self.session, [Message(packet)])
        if not self.is_open:
            assert self.engine.counters.messages_dropped == dropped + count
        if flush:
            self.turn()

    @rule()
    def turn(self) -> None:
        self.engine.flush(self.now)
        assert self.engine.settled

    # long-polling

    @precondition(lambda self: self.is_polling and self.session.channel is None)
    @rule()
    def get(self) -> None:
        channel = Get()
        if self.session.state is CLOSED:
            with pytest.raises(ProtocolError):
                self.engine.attach(self.session, channel)
            return
        self._open(channel)
        self.engine.attach(self.session, channel)
        assert channel.is_answered or self.session.channel is channel

    @precondition(lambda self: not self.posting)
    @rule()
    def begin_post(self) -> None:
        if not self.is_open:
            with pytest.raises(ProtocolError):
                self.engine.begin_post(self.session, self._cut, self.now)
            return
        self.engine.begin_post(self.session, self._cut, self.now)
        self.posts.append(False)
        self.posting = True

    def _cut(self) -> None:
        assert self.posting
        assert not self.posts[-1]
        self.posts[-1] = True

    def _never(self) -> None:
        raise AssertionError

    @precondition(lambda self: self.posting)
    @rule(packets=st.lists(st.sampled_from(["4x", b"x", "3"]), max_size=4))
    def end_post(self, packets: list[str | bytes]) -> None:
        engine = self.engine
        try:
            engine.body_has_come(self.session)
            assert self.is_open
            for packet in packets:
                self.receive(packet)
        except ProtocolError:
            assert not self.is_open
            assert self.posts[-1] or self.reason is None
        finally:
            engine.end_post(self.session)
            self.posting = False

    # upgrade

    @precondition(lambda self: self.candidate is None)
    @rule()
    def open_probe(self) -> None:
        can_be = self.is_open and self.is_polling
        channel = Socket()
        self.engine.start_probe(self.session, channel, self.now)
        assert (channel.closed is None) is can_be
        if can_be:
            self._open(channel)
            self.candidate = channel
            self.probed = False

    @precondition(lambda self: self.candidate is not None)
    @rule()
    def probe(self) -> None:
        assert self.candidate is not None
        self._look()  # what a GET has got, before anything arrives by the WebSocket
        candidate = self.candidate
        upgraded = self.engine.probe(self.session, candidate, "5" if self.probed else "2probe")
        assert upgraded is self.probed
        self.probed = True
        if upgraded:
            assert self.session.channel is candidate
            self.candidate = None

    @precondition(lambda self: self.candidate is not None)
    @rule(data=st.sampled_from(["5", "4x", b"2probe"]))
    def probe_wrongly(self, data: str | bytes) -> None:
        if data == "5" and self.probed:
            return
        assert self.candidate is not None
        with pytest.raises(ProtocolError):
            self.engine.probe(self.session, self.candidate, data)
        self.engine.abandon(self.session, self.candidate)
        assert self.candidate.closed is not None
        self.candidate = None

    @precondition(lambda self: self.candidate is not None)
    @rule()
    def lose_probe(self) -> None:
        assert self.candidate is not None
        was_open = self.is_open
        self.engine.detach(self.session, self.candidate)
        self.candidate = None
        assert self.is_open is was_open

    @rule(data=st.sampled_from(["4x", b"x", "3"]))
    def receive(self, data: str | bytes) -> None:
        expected = {"4x": "x", b"x": b"x"}.get(data) if self.is_open else None
        assert self.engine.receive(self.session, data, self.now) == expected

    # the end

    @rule(seconds=st.sampled_from([0.5, 5, 12]), answers=st.sampled_from([True, True, True, False]))
    def wait(self, seconds: float, answers: bool) -> None:
        was_open = self.is_open
        self.now += seconds
        self.engine.tick(self.now)
        due = self.engine.next_deadline()
        assert due is None or due > self.now
        if was_open and not self.is_open:
            assert self.session.reason in (Reason.PING_TIMEOUT, Reason.TRANSPORT_ERROR)
            self._ended(self.session.reason)
        if self.candidate is not None and self.candidate.closed is not None:
            self.candidate = None
        if answers:
            self.receive("3")

    @rule(
        how=st.sampled_from(
            [
                "disconnect",
                "disconnect",
                "disconnect",
                "CLOSE",
                "garbage",
                "second GET",
                "second POST",
                "POST that breaks off",
                "lost transport",
            ]
        )
    )
    def end(self, how: str) -> None:
        engine, session, was_open = self.engine, self.session, self.is_open
        reason = Reason.TRANSPORT_ERROR
        if how == "disconnect":
            engine.close(session, Reason.SERVER_DISCONNECT)
            reason = Reason.SERVER_DISCONNECT
        elif how == "CLOSE":
            assert engine.receive(session, "1", self.now) is None
            reason = Reason.CLIENT_DISCONNECT
        elif how == "garbage":
            self._refused(lambda: engine.receive(session, "9", self.now), was_open)
        elif how == "second GET" and self.is_polling and session.channel is not None:
            first = session.channel
            self._refused(lambda: engine.attach(session, Get()))
            assert isinstance(first, Get)
            assert first.is_answered
        elif how == "second POST" and self.posting:
            self._refused(lambda: engine.begin_post(session, self._never, self.now))
        elif how == "POST that breaks off" and self.posting:
            engine.end_post(session)
            self.posting = False
            engine.fail(session, ProtocolError("the body ended early"))
        elif how == "lost transport" and session.channel is not None:
            reason = Reason.TRANSPORT_ERROR if self.is_polling else Reason.TRANSPORT_CLOSE
            engine.detach(session, session.channel)
        else:
            return
        if was_open:
            self._ended(reason)

    def _refused(self, call: Callable[[], object], is_refused: bool = True) -> None:
        try:
            call()
        except ProtocolError as error:
            assert is_refused
            self.engine.fail(self.session, error)
        else:
            assert not is_refused

    @precondition(lambda self: self.untold)
    @rule()
    def tell_the_end(self) -> None:
        """The application has been told."""
        assert self.engine.closed == [self.session]
        self.engine.closed = []
        self.untold = 0
        self.engine.linger(self.session, self.now)
        assert self.engine.sessions == {}

    def _ended(self, reason: str) -> None:
        assert self.reason is None
        self.reason = reason
        self.untold = 1
        self.candidate = None
        assert self.session.upgrading is False

    # what is always so

    def _look(self) -> None:
        """Take what has arrived since the last time."""
        for number, channel in enumerate(self.channels):
            new = channel.written[self.read[number] :]
            self.read[number] += len(new)
            self.taken += [packet for packet in new if packet.startswith(b"4")]

    @invariant()
    def what_has_arrived_is_a_prefix_of_what_was_sent(self) -> None:
        self._look()
        assert self.taken == self.sent[: len(self.taken)]

    @invariant()
    def the_end_comes_once_and_is_final(self) -> None:
        assert self.session.reason == self.reason
        assert self.engine.counters.closed == (self.reason is not None)
        assert len(self.engine.closed) == self.untold
        self.is_final = self.is_final or self.session.state is CLOSED
        if self.is_final:
            assert self.session.state is CLOSED
            assert self.session.outbox == []
            assert self.session.channel is None
        assert self.is_open is (self.reason is None)

    @invariant()
    def a_post_that_has_not_come_is_cut_with_the_session(self) -> None:
        if self.posting:
            assert self.posts[-1] is not self.is_open

    @invariant()
    def what_was_sent_before_the_server_ended_a_websocket_has_arrived(self) -> None:
        if self.reason == Reason.SERVER_DISCONNECT and not self.is_polling:
            assert self.taken == self.sent

    def teardown(self) -> None:
        """What a polling client fetches until the end is all that was sent."""
        self.turn()
        if self.candidate is not None:
            self.lose_probe()
        while self.session.state is CLOSING or (self.is_polling and self.session.outbox):
            if self.session.channel is None:
                self.get()
            self.turn()
            self._look()
        self.what_has_arrived_is_a_prefix_of_what_was_sent()
        if self.is_open:
            assert self.taken == self.sent


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=100, stateful_step_count=40)
