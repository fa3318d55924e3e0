from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine_support import Options, RecordingChannel

from engineio._core.backlogs import EAGER_FLUSH, HIGH_WATER
from engineio._core.engine import TURN_BYTES, Engine
from engineio._core.farewell import CLOSE_TIMEOUT
from engineio._core.heartbeat import MAX_HOLD
from engineio._core.message import MESSAGE_OVERHEAD, Message
from engineio._core.outbox import PACKETS_PER_POLL
from engineio._core.reason import Reason
from engineio._core.session import CLOSED, CLOSING, OPEN, Session
from engineio.exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._core.session import Transport


class Woken:
    """Counts the calls of ``wake``."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def make_engine(**options: object) -> Engine:
    return Engine(Options(**options), Woken())  # type: ignore[arg-type]


def open_session(
    engine: Engine, transport: Transport = "websocket", now: float = 0
) -> tuple[Session, RecordingChannel]:
    session = engine.create("sid", transport)
    channel = RecordingChannel()
    engine.attach(session, channel)
    engine.accept(session, now)
    engine.flush(now)
    assert channel.written[0].startswith(b"0{")
    channel.written.clear()
    return session, channel


def wait_in_get(engine: Engine, session: Session) -> RecordingChannel:
    channel = RecordingChannel()
    engine.attach(session, channel)
    return channel


def text(data: str) -> Message:
    return Message(data.encode())


class Query:
    """A request as ``admit`` needs it."""

    def __init__(self, query: str, method: str = "GET", websocket: bool = False) -> None:
        self.query = query
        self.method = method
        self.websocket = websocket
        self.scheme = "http"

    def header(self, name: str) -> str | None:
        return None

    def environ(self) -> dict[str, object]:
        return {}


# opening


@pytest.mark.parametrize(
    ("transport", "options", "upgrades"),
    [
        ("polling", {}, b'"upgrades":["websocket"]'),
        ("websocket", {}, b'"upgrades":[]'),
        ("polling", {"allow_upgrades": False}, b'"upgrades":[]'),
        ("polling", {"transports": ("polling",)}, b'"upgrades":[]'),
    ],
)
def test_the_handshake_announces_what_is_possible(
    transport: Transport, options: dict[str, object], upgrades: bytes
) -> None:
    engine = make_engine(**options)
    session = engine.create("sid", transport)
    channel = wait_in_get(engine, session)

    engine.accept(session, 0)
    engine.flush(0)

    assert upgrades in channel.written[0]
    assert engine.counters.opened == 1


def test_what_a_connect_handler_sends_follows_the_handshake() -> None:
    engine = make_engine()
    session = engine.create("sid", "polling")
    channel = wait_in_get(engine, session)
    engine.send(session, [text("4early")])
    engine.flush(0)
    assert channel.written == []

    engine.accept(session, 0)
    engine.flush(0)

    assert [packet[:6] for packet in channel.written] == [b'0{"sid', b"4early"]


def test_a_refused_session_never_existed() -> None:
    engine = make_engine()
    session = engine.create("sid", "polling")

    engine.refuse(session)

    assert engine.sessions == {}
    assert engine.closed == []
    assert engine.counters.opened == 0


# messages


@pytest.mark.parametrize(
    ("packet", "message"),
    [("4hello", "hello"), ("4", ""), (b"\x01", b"\x01"), (b"", b""), ("3", None), ("1", None)],
)
def test_messages_are_returned_and_control_packets_are_not(
    packet: str | bytes, message: str | bytes | None
) -> None:
    engine = make_engine()
    session, _ = open_session(engine)

    assert engine.receive(session, packet, 0) == message


@pytest.mark.parametrize("packet", ["", "0", "2", "5", "6", "7", "x", "3x", "11", "٤", "bAAAA"])
def test_what_the_protocol_does_not_allow_closes_the_session(packet: str) -> None:
    engine = make_engine()
    session, channel = open_session(engine)

    with pytest.raises(ProtocolError) as caught:
        engine.receive(session, packet, 0)
    engine.fail(session, caught.value)

    assert session.reason == Reason.TRANSPORT_ERROR
    assert channel.closed == 1002
    assert engine.counters.protocol_errors == 1


def test_what_is_too_large_closes_with_1009() -> None:
    engine = make_engine()
    session, channel = open_session(engine)

    engine.fail(session, ProtocolError("message too large", 413))
    engine.fail(session, ProtocolError("message too large", 413))

    assert channel.closed == 1009
    assert engine.counters.protocol_errors == 1


def test_nothing_is_received_after_the_close() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    engine.close(session, Reason.SERVER_DISCONNECT)

    assert engine.receive(session, "4late", 0) is None


def test_messages_of_one_turn_leave_in_one_write() -> None:
    engine = make_engine()
    session, channel = open_session(engine)

    engine.send(session, [text("4a"), text("4b")])
    engine.send(session, [text("4c")])
    assert channel.written == []
    engine.flush(0)

    assert channel.written == [b"4a", b"4b", b"4c"]
    assert session.queued == 0


def test_a_broadcast_reaches_the_sessions_that_exist() -> None:
    engine = make_engine()
    channels = []
    for sid in ("a", "b", "c"):
        session = engine.create(sid, "websocket")
        channels.append(wait_in_get(engine, session))
        engine.accept(session, 0)
    engine.flush(0)
    engine.close(engine.sessions["b"], Reason.SERVER_DISCONNECT)

    engine.broadcast(["a", "b", "c", "unknown"], [text("4x")])
    engine.broadcast(["a"], [text("4y")])
    engine.flush(0)

    assert channels[0].written[1:] == [b"4x", b"4y"]
    assert channels[1].written[1:] == [b"1"]
    assert channels[2].written[1:] == [b"4x"]
    assert engine.counters.messages_dropped == 2


def test_a_channel_that_fails_does_not_keep_messages_from_the_others() -> None:
    class FailingChannel(RecordingChannel):
        def write(self, messages: list[Message]) -> None:
            raise OSError

    engine = make_engine()
    channels = [FailingChannel(), RecordingChannel()]
    for sid, channel in zip("ab", channels, strict=True):
        session = engine.create(sid, "websocket")
        session.outbox.clear()
        engine.attach(session, channel)
        engine.accept(session, 0)
    engine.broadcast("ab", [text("4x")])

    with pytest.raises(OSError):
        engine.flush(0)
    engine.flush(0)

    assert channels[1].written == [b"4x"]


def test_a_broadcast_to_nobody_wakes_nobody() -> None:
    woken = Woken()
    engine = Engine(Options(), woken)

    engine.broadcast([], [text("4x")])

    assert woken.count == 0


def test_messages_to_a_closed_session_are_counted_as_dropped() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    engine.close(session, Reason.SERVER_DISCONNECT)

    engine.send(session, [text("4a"), text("4b")])

    assert engine.counters.messages_dropped == 2


# slow clients


def test_much_data_is_written_before_the_turn_ends() -> None:
    engine = make_engine(max_send_buffer=None)
    session, channel = open_session(engine)
    big = text("4" + "x" * EAGER_FLUSH)

    engine.send(session, [big])
    assert len(channel.written) == 1
    engine.broadcast(["sid"], [big])

    assert len(channel.written) == 2
    assert engine.turn_bytes == 2 * len(big.payload)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_client_that_does_not_take_its_messages_is_closed(transport: Transport) -> None:
    engine = make_engine(max_send_buffer=1000)
    session, channel = open_session(engine, transport)
    channel.buffered = 700
    engine.send(session, [text("4" + "x" * 299)])
    engine.flush(0)
    assert session.state is OPEN
    channel.buffered = 1001

    for _ in range(3):
        engine.send(session, [text("4" + "x" * 299)])
        engine.flush(0)

    assert session.reason == Reason.TRANSPORT_ERROR
    assert engine.counters.slow_clients_closed == 1
    assert channel.aborted is (transport == "websocket")
    assert session.queued == 0


def test_what_would_be_too_much_for_a_client_is_not_written() -> None:
    engine = make_engine(max_send_buffer=2 * EAGER_FLUSH)
    session, channel = open_session(engine)
    channel.buffered = EAGER_FLUSH

    engine.send(session, [text("4" + "x" * EAGER_FLUSH)])

    assert channel.written == []
    assert channel.aborted
    assert engine.counters.messages_dropped == 1


def test_many_small_messages_count_as_what_they_take_in_memory() -> None:
    engine = make_engine(max_send_buffer=100 * MESSAGE_OVERHEAD)
    session, _ = open_session(engine, "polling")

    for _ in range(90):
        engine.send(session, [text("42[1]")])
    assert session.state is OPEN
    engine.broadcast(["sid"], [text("42[1]")] * 10)

    assert session.reason == Reason.TRANSPORT_ERROR
    assert engine.counters.slow_clients_closed == 1


def test_what_was_polled_does_not_count_any_more() -> None:
    engine = make_engine(max_send_buffer=1000 * MESSAGE_OVERHEAD)
    session = engine.create("sid", "polling")
    engine.accept(session, 0)

    for _ in range(100):
        engine.send(session, [text("42[1]")])
    while session.outbox:
        wait_in_get(engine, session)

    assert session.queued == 0


class SlowChannel(RecordingChannel):
    """A WebSocket whose client takes nothing until ``buffered`` is set to less."""

    def write(self, messages: list[Message]) -> None:
        super().write(messages)
        self.buffered += sum(len(message.payload) for message in messages)


@pytest.mark.parametrize("limit", [1000, 2 * EAGER_FLUSH])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_one_unit_may_be_larger_than_what_may_wait(transport: Transport, limit: int) -> None:
    """Whether a client that waits for nothing else gets it does not depend on its transport."""
    engine = make_engine(max_send_buffer=limit)
    session, _ = open_session(engine, transport)
    slow = SlowChannel()
    if transport == "websocket":
        session.channel = slow
    large = [text("4" + "x" * limit), Message(b"x" * limit, binary=True)]

    engine.send(session, [text("4before")])
    engine.send(session, large)
    for _ in range(2):
        engine.send(session, [text("4" + "x" * (limit // 4))])
        engine.flush(0)
    assert session.state is OPEN

    while session.queued:
        wait_in_get(engine, session)
    slow.buffered = 0
    engine.send(session, large)
    engine.flush(0)
    assert session.state is OPEN

    engine.broadcast(["sid"], large)
    assert session.reason == Reason.TRANSPORT_ERROR


def test_the_allowance_for_a_large_unit_ends_with_it() -> None:
    engine = make_engine(max_send_buffer=1000)
    session, channel = open_session(engine)
    engine.send(session, [text("4" + "x" * 5000)])
    channel.buffered = 0
    engine.send(session, [text("4")])
    engine.flush(0)

    channel.buffered = 1001
    engine.send(session, [text("4")])
    engine.flush(0)

    assert session.reason == Reason.TRANSPORT_ERROR


def test_a_broadcast_of_an_event_with_attachments_counts_all_of_it() -> None:
    engine = make_engine(max_send_buffer=None)
    session, channel = open_session(engine)

    engine.broadcast(["sid"], [text("45"), Message(b"abc", binary=True)])

    assert session.queued == 5 + 2 * MESSAGE_OVERHEAD
    assert engine.turn_bytes == 5
    engine.flush(0)
    assert channel.written == [b"45", b"bYWJj"]


def test_an_engine_is_crowded_while_much_is_sent_in_a_turn() -> None:
    engine = make_engine(max_send_buffer=None)
    session, _ = open_session(engine)
    assert not engine.crowded

    engine.send(session, [text("4" + "x" * TURN_BYTES)])
    assert engine.crowded
    engine.flush(0)

    assert not engine.crowded


def test_senders_can_see_who_is_congested() -> None:
    engine = make_engine(max_send_buffer=None)
    session, channel = open_session(engine)
    channel.buffered = HIGH_WATER + 1
    engine.send(session, [text("4x")])
    engine.flush(0)
    assert engine.still_congested()

    channel.buffered = 0

    assert not engine.still_congested()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_who_was_given_up_is_waited_for_again_once_he_has_caught_up(transport: Transport) -> None:
    engine = make_engine(max_send_buffer=None)
    session, _ = open_session(engine, transport)
    slow = SlowChannel()
    if transport == "websocket":
        session.channel = slow
    large = text("4" + "x" * HIGH_WATER)
    engine.send(session, [large])
    engine.give_up_congested()
    engine.flush(0)
    assert not engine.crowded

    engine.send(session, [text("4more")])
    engine.flush(0)
    assert not engine.crowded
    while session.queued:
        wait_in_get(engine, session)
    slow.buffered = 0

    engine.send(session, [large])
    engine.flush(0)
    assert engine.still_congested()

    engine.give_up_congested()
    engine.close(session, Reason.TRANSPORT_ERROR)
    assert not engine.crowded


def test_a_polling_client_between_two_gets_can_be_congested() -> None:
    engine = make_engine(max_send_buffer=None)
    session, _ = open_session(engine, "polling")

    engine.send(session, [text("4" + "x" * HIGH_WATER)])

    assert engine.still_congested()
    engine.close(session, Reason.TRANSPORT_ERROR)
    assert not engine.still_congested()


# long-polling


def test_a_get_takes_what_waits_or_waits() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    engine.send(session, [text("4a")])
    engine.flush(0)

    first = wait_in_get(engine, session)
    second = wait_in_get(engine, session)
    assert first.written == [b"4a"]
    assert second.written == []
    engine.send(session, [text("4b")])
    engine.flush(0)

    assert second.written == [b"4b"]


def test_a_response_holds_no_more_packets_than_clients_accept() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    engine.send(session, [text("4x")] * (PACKETS_PER_POLL + 1))

    assert len(wait_in_get(engine, session).written) == PACKETS_PER_POLL
    assert session.queued == 2 + MESSAGE_OVERHEAD
    assert len(wait_in_get(engine, session).written) == 1


def test_a_second_get_closes_the_session() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    first = wait_in_get(engine, session)

    with pytest.raises(ProtocolError):
        wait_in_get(engine, session)

    assert first.written == [b"1"]
    assert session.reason == Reason.TRANSPORT_ERROR


def test_a_get_that_comes_after_the_end_is_refused() -> None:
    """In threads, a session may end between the admission of a GET and its wait."""
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    engine.close(session, Reason.TRANSPORT_ERROR)

    with pytest.raises(ProtocolError):
        wait_in_get(engine, session)


def test_a_get_whose_peer_has_gone_closes_the_session() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    waiting = wait_in_get(engine, session)

    engine.detach(session, waiting)

    assert session.reason == Reason.TRANSPORT_ERROR
    assert engine.closed == [session]


def test_a_second_post_is_refused() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    engine.begin_post(session, Woken(), 0)

    with pytest.raises(ProtocolError):
        engine.begin_post(session, Woken(), 0)
    engine.end_post(session)
    engine.begin_post(session, Woken(), 0)

    engine.close(session, Reason.SERVER_DISCONNECT)
    with pytest.raises(ProtocolError):
        engine.begin_post(session, Woken(), 0)


def test_a_session_that_ends_does_not_wait_for_the_body_of_a_post() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    cut = Woken()
    engine.begin_post(session, cut, 0)

    engine.close(session, Reason.PING_TIMEOUT)

    assert cut.count == 1
    with pytest.raises(ProtocolError):
        engine.body_has_come(session)


def test_a_body_that_does_not_come_ends_the_session() -> None:
    """Even if the client goes on to answer PINGs, over the WebSocket that it has opened since."""
    engine = make_engine(body_timeout=5)
    session, _ = open_session(engine, "polling")
    cut = Woken()
    engine.rearm = False
    engine.begin_post(session, cut, 1)
    assert engine.rearm
    assert engine.next_deadline() == 6
    upgraded_elsewhere(engine, session)

    engine.tick(6)

    assert session.reason == Reason.TRANSPORT_ERROR
    assert cut.count == 1


def test_a_body_that_has_come_may_be_processed_for_as_long_as_it_takes() -> None:
    engine = make_engine(body_timeout=5)
    session, _ = open_session(engine, "polling")
    cut = Woken()
    engine.begin_post(session, cut, 1)
    engine.body_has_come(session)

    engine.tick(6)
    assert session.state is OPEN

    engine.close(session, Reason.SERVER_DISCONNECT)
    assert cut.count == 0


# closing


@pytest.mark.parametrize(
    ("reason", "written", "aborted"),
    [
        (Reason.SERVER_DISCONNECT, [b"4queued", b"1"], False),
        (Reason.CLIENT_DISCONNECT, [b"6"], False),
        (Reason.PING_TIMEOUT, [], True),
        (Reason.TRANSPORT_ERROR, [b"1"], False),
    ],
)
def test_a_waiting_get_learns_of_the_end(reason: str, written: list[bytes], aborted: bool) -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    waiting = wait_in_get(engine, session)
    if reason == Reason.SERVER_DISCONNECT:
        engine.send(session, [text("4queued")])

    engine.close(session, reason)

    assert waiting.written == written
    assert waiting.aborted is aborted


@pytest.mark.parametrize(
    ("reason", "written"),
    [
        (Reason.SERVER_DISCONNECT, [b"4queued", b"1"]),
        (Reason.PING_TIMEOUT, [b"4queued", b"1"]),
        (Reason.CLIENT_DISCONNECT, []),
        (Reason.TRANSPORT_ERROR, []),
    ],
)
def test_a_websocket_learns_of_the_end(reason: str, written: list[bytes]) -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    engine.send(session, [text("4queued")])

    engine.close(session, reason)

    assert channel.written == written
    assert channel.closed == 1000
    assert session.state is CLOSED


def test_the_end_is_told_once() -> None:
    engine = make_engine()
    session, channel = open_session(engine)

    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.close(session, Reason.TRANSPORT_CLOSE)
    engine.detach(session, channel)

    assert engine.closed == [session]
    assert session.reason == Reason.SERVER_DISCONNECT
    assert engine.counters.closed == 1


def test_the_sid_is_known_until_the_application_has_been_told() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    engine.close(session, Reason.SERVER_DISCONNECT)
    assert "sid" in engine.sessions

    engine.linger(session, 0)

    assert "sid" not in engine.sessions


def test_the_last_payload_waits_for_the_next_get() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    engine.send(session, [text("4last")])
    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.linger(session, 0)
    assert session.state is CLOSING
    decision = engine.admit(Query("EIO=4&transport=polling&sid=sid"))
    assert getattr(decision, "session", None) is session

    last = wait_in_get(engine, session)

    assert last.written == [b"4last", b"1"]
    assert session.state is CLOSED
    assert type(engine.admit(Query("EIO=4&transport=polling&sid=sid"))).__name__ == "Refuse"


def test_a_long_last_payload_takes_several_gets() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    waiting = wait_in_get(engine, session)
    engine.send(session, [text("4x")] * PACKETS_PER_POLL)
    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.linger(session, 0)

    last = wait_in_get(engine, session)

    assert waiting.written == [b"4x"] * PACKETS_PER_POLL
    assert last.written == [b"1"]
    assert session.state is CLOSED


def test_the_last_payload_is_not_kept_for_ever() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.linger(session, 0)

    engine.tick(CLOSE_TIMEOUT)

    assert session.state is CLOSED
    assert engine.next_deadline() is None
    assert engine.counters.messages_dropped == 1


def test_a_websocket_that_does_not_end_is_cut() -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.flush(0)
    assert engine.next_deadline() == CLOSE_TIMEOUT

    engine.tick(CLOSE_TIMEOUT)

    assert channel.aborted


def test_a_websocket_that_ends_is_not_cut() -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.flush(0)

    engine.detach(session, channel)
    engine.tick(CLOSE_TIMEOUT)

    assert not channel.aborted


def test_a_lost_websocket_closes_the_session() -> None:
    engine = make_engine()
    session, channel = open_session(engine)

    engine.detach(session, RecordingChannel())
    assert session.state is OPEN
    engine.detach(session, channel)

    assert session.reason == Reason.TRANSPORT_CLOSE


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_messages_that_a_websocket_has_not_sent_are_counted_as_dropped(
    closed: bool, flushed: bool
) -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    channel.unsent = 2
    if closed:
        engine.close(session, Reason.SERVER_DISCONNECT)
    if flushed:
        engine.flush(0)

    engine.detach(session, channel)
    engine.detach(session, channel)

    assert engine.counters.messages_dropped == 2
    engine.flush(0)
    assert engine.next_deadline() is None


def test_a_websocket_lost_before_the_acceptance_ends_the_session() -> None:
    engine = make_engine()
    session = engine.create("sid", "websocket")
    engine.accept(session, 0)

    engine.close(session, Reason.TRANSPORT_CLOSE)

    assert engine.closed == [session]
    assert session.outbox == []


# upgrade


def start_upgrade(engine: Engine, session: Session) -> RecordingChannel:
    candidate = RecordingChannel()
    engine.start_probe(session, candidate, 0)
    return candidate


def test_an_upgrade_moves_the_session_to_the_websocket() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    waiting = wait_in_get(engine, session)
    candidate = start_upgrade(engine, session)

    assert engine.probe(session, candidate, "2probe") is False
    assert candidate.written == [b"3probe"]
    assert waiting.written == [b"6"]
    engine.send(session, [text("4held")])
    engine.flush(0)
    assert wait_in_get(engine, session).written == [b"6"]
    assert engine.probe(session, candidate, "5") is True

    assert candidate.written == [b"3probe", b"4held"]
    assert session.transport == "websocket"
    assert not session.upgrading


def test_the_waiting_get_takes_what_is_queued_at_the_probe() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    waiting = wait_in_get(engine, session)
    candidate = start_upgrade(engine, session)
    session.outbox.append(text("4queued"))

    engine.probe(session, candidate, "2probe")

    assert waiting.written == [b"4queued"]


def test_messages_go_on_by_polling_until_the_probe() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    start_upgrade(engine, session)
    waiting = wait_in_get(engine, session)

    engine.send(session, [text("4a")])
    engine.flush(0)

    assert waiting.written == [b"4a"]


@pytest.mark.parametrize("frames", [["4x"], ["5"], ["2probe", "4x"], [b"2probe"], ["1"]])
def test_a_wrong_probe_leaves_the_session_on_polling(frames: list[str | bytes]) -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    candidate = start_upgrade(engine, session)

    with pytest.raises(ProtocolError):
        for frame in frames:
            engine.probe(session, candidate, frame)
    engine.abandon(session, candidate)

    assert candidate.closed == 1002
    assert session.state is OPEN
    assert session.transport == "polling"
    engine.send(session, [text("4on")])
    assert wait_in_get(engine, session).written == [b"4on"]


def test_a_websocket_lost_while_probing_leaves_the_session_on_polling() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    candidate = start_upgrade(engine, session)
    engine.probe(session, candidate, "2probe")
    waiting = wait_in_get(engine, session)
    engine.send(session, [text("4held")])

    engine.detach(session, candidate)
    engine.flush(0)

    assert not session.upgrading
    assert waiting.written == [b"6"]
    assert wait_in_get(engine, session).written == [b"4held"]


def test_a_stalled_upgrade_is_dropped_after_its_deadline() -> None:
    engine = make_engine(upgrade_timeout=10)
    session, _ = open_session(engine, "polling")
    candidate = start_upgrade(engine, session)
    engine.probe(session, candidate, "2probe")

    engine.tick(10)

    assert candidate.closed == 1002
    assert not session.upgrading
    with pytest.raises(ProtocolError):
        engine.probe(session, candidate, "5")
    engine.abandon(session, candidate)
    assert session.transport == "polling"


def upgraded_elsewhere(engine: Engine, session: Session) -> None:
    first = start_upgrade(engine, session)
    engine.probe(session, first, "2probe")
    engine.probe(session, first, "5")


@pytest.mark.parametrize(
    "meanwhile",
    [
        start_upgrade,
        upgraded_elsewhere,
        lambda engine, session: engine.close(session, Reason.SERVER_DISCONNECT),
    ],
)
def test_a_websocket_that_comes_too_late_to_probe_is_closed(
    meanwhile: Callable[[Engine, Session], object],
) -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    meanwhile(engine, session)
    before = session.channel, session.candidate

    late = start_upgrade(engine, session)
    with pytest.raises(ProtocolError):
        engine.probe(session, late, "2probe")
    engine.abandon(session, late)

    assert late.closed == 1000
    assert (session.channel, session.candidate) == before
    engine.flush(0)
    engine.tick(CLOSE_TIMEOUT)
    assert late.aborted


def test_a_refused_websocket_cannot_put_its_end_off() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    candidate = start_upgrade(engine, session)

    for now in range(int(CLOSE_TIMEOUT)):
        with pytest.raises(ProtocolError):
            engine.probe(session, candidate, "x")
        engine.abandon(session, candidate)
        engine.flush(now)
    engine.tick(CLOSE_TIMEOUT)

    assert candidate.aborted


def test_closing_ends_the_probing_websocket_too() -> None:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    candidate = start_upgrade(engine, session)

    engine.close(session, Reason.SERVER_DISCONNECT)

    assert candidate.closed == 1000
    with pytest.raises(ProtocolError):
        engine.probe(session, candidate, "2probe")


# heartbeat and other deadlines


def test_a_ping_goes_out_and_a_pong_restarts_the_interval() -> None:
    engine = make_engine(ping_interval=25, ping_timeout=20)
    session, channel = open_session(engine)
    assert engine.next_deadline() == 25

    engine.tick(25)
    engine.flush(25)
    assert channel.written == [b"2"]
    assert engine.next_deadline() == 45
    engine.receive(session, "3", 30)

    assert engine.next_deadline() == 55


def test_a_pong_that_nobody_asked_for_changes_nothing() -> None:
    engine = make_engine()
    session, _ = open_session(engine)

    engine.receive(session, "3", 10)

    assert engine.next_deadline() == 25


def test_a_missing_pong_closes_the_session() -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    engine.tick(25)

    engine.tick(45)

    assert session.reason == Reason.PING_TIMEOUT
    assert channel.written == [b"2", b"1"]
    assert engine.counters.ping_timeouts == 1


def _pinged_and_held(times: int = 1) -> tuple[Engine, Session]:
    """A session whose PONG is due at 45, and is held back from 30 on."""
    engine = make_engine(ping_interval=25, ping_timeout=20)
    session, _ = open_session(engine)
    engine.tick(25)
    for _ in range(times):
        engine.hold(session, 30)
    return engine, session


def test_a_pong_that_the_application_holds_back_is_not_missed() -> None:
    engine, session = _pinged_and_held()

    for now in range(45, 30 + int(MAX_HOLD), 20):
        engine.tick(now)

    assert session.state is OPEN


def test_a_pong_is_due_anew_when_nothing_is_held_back_any_more() -> None:
    engine, session = _pinged_and_held(times=2)
    engine.release(session, 100)
    engine.tick(100)
    assert session.state is OPEN

    engine.release(session, 110)
    engine.tick(129)
    assert session.state is OPEN

    engine.tick(130)
    assert session.reason == Reason.PING_TIMEOUT


def test_a_pong_that_was_held_back_restarts_the_interval() -> None:
    engine, session = _pinged_and_held()
    engine.release(session, 100)

    engine.receive(session, "3", 101)

    assert engine.next_deadline() == 101 + 25


def test_a_ping_that_goes_out_while_something_is_held_back_is_not_missed() -> None:
    engine = make_engine(ping_interval=25, ping_timeout=20)
    session, _ = open_session(engine)
    engine.hold(session, 10)
    engine.tick(25)
    engine.tick(45)
    assert session.state is OPEN

    engine.release(session, 50)

    assert engine.next_deadline() == 70


def test_an_application_cannot_hold_back_for_ever() -> None:
    engine, session = _pinged_and_held()
    engine.tick(29 + MAX_HOLD)
    assert session.state is OPEN

    engine.tick(29 + MAX_HOLD + 20)

    assert session.reason == Reason.PING_TIMEOUT


def test_a_session_that_ended_while_something_was_held_back_stays_ended() -> None:
    engine, session = _pinged_and_held()
    engine.close(session, Reason.SERVER_DISCONNECT)
    engine.flush(31)

    engine.release(session, 40)

    assert engine.next_deadline() == 31 + CLOSE_TIMEOUT


def test_a_client_that_owes_something_is_closed_after_the_deadline() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    engine.expect(session, 5, 0)
    assert engine.rearm
    assert engine.next_deadline() == 5
    engine.satisfy(session)
    engine.tick(5)
    assert session.state is OPEN

    engine.expect(session, 5, 5)
    engine.expect(session, 5, 9)
    engine.tick(10)

    assert session.reason == Reason.TRANSPORT_ERROR


def test_the_rest_of_a_message_must_come_as_well() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    engine.expect_rest(session, 5, 0)
    engine.expect(session, 7, 0)
    engine.rest_has_come(session)
    engine.tick(5)
    engine.expect_rest(session, 1, 5)
    assert engine.next_deadline() == 6
    engine.satisfy(session)
    assert session.state is OPEN

    engine.tick(6)

    assert session.reason == Reason.TRANSPORT_ERROR
    engine.flush(6)
    assert engine.next_deadline() == 6 + CLOSE_TIMEOUT


def test_an_engine_is_settled_while_flushing_would_do_nothing() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    assert engine.settled

    engine.send(session, [text("4a")])
    assert not engine.settled
    engine.flush(0)
    assert engine.settled

    engine.close(session, Reason.SERVER_DISCONNECT)
    assert not engine.settled
    engine.flush(0)
    assert engine.settled


def test_the_engine_asks_to_be_flushed_once_per_turn() -> None:
    woken = Woken()
    engine = Engine(Options(), woken)
    session, _ = open_session(engine)
    before = woken.count

    engine.send(session, [text("4a")])
    engine.send(session, [text("4b")])

    assert woken.count == before + 1


def test_it_tells_until_when_a_pong_is_owed() -> None:
    engine = make_engine()
    session, _ = open_session(engine)
    assert engine.pong_due(session) is None

    engine.tick(25)

    assert engine.pong_due(session) == 45
    engine.receive(session, "3", 30)
    assert engine.pong_due(session) is None


def test_a_server_may_bring_its_own_sessions() -> None:
    class Own(Session):
        pass

    kept: dict[str, Session] = {}
    engine = Engine(Options(), Woken(), Own, kept)

    session = engine.create("sid", "polling")

    assert type(session) is Own
    assert kept == {"sid": session}
