"""The client's state machine: tables of what may come, and properties of what leaves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio._core.client_session import (
    LAST_LOOK,
    MAX_POST_PACKETS,
    PROBE,
    UPGRADE,
    ClientSession,
)
from engineio._core.message import CLOSE, MESSAGE_OVERHEAD, Message
from engineio._core.polling import split_payload
from engineio._core.reason import Reason
from engineio.exceptions import ProtocolError

NOW = 1000.0
INTERVAL, TIMEOUT = 25.0, 20.0


def open_packet(**changes: object) -> str:
    announced = {
        "sid": "abc",
        "upgrades": ["websocket"],
        "pingInterval": INTERVAL * 1000,
        "pingTimeout": TIMEOUT * 1000,
        "maxPayload": 1_000_000,
    }
    return "0" + json.dumps({**announced, **changes})


def opened(transport="polling", max_buffered=None, **changes: object) -> ClientSession:
    session = ClientSession(transport, max_buffered)
    session.opened(open_packet(**changes), NOW)
    return session


def text(value: str) -> Message:
    return Message(b"4" + value.encode())


TEXTS = st.text(st.characters(exclude_characters="\x1e", exclude_categories=["Cs"]))
"""What long-polling can carry as text: its separator cannot be escaped."""


def drain(session: ClientSession) -> list[list[Message]]:
    batches = []
    while session.pending:
        batches.append(session.take())
        session.sent()
    return batches


# the handshake


def test_an_open_packet_opens_the_session():
    session = ClientSession("polling", None)
    assert not session.is_open

    handshake = session.opened(open_packet(), NOW)

    assert session.is_open
    assert session.handshake is handshake
    assert (handshake.sid, handshake.ping_interval, handshake.ping_timeout) == ("abc", 25, 20)


@pytest.mark.parametrize(
    "data", ["", "0", "0[]", "0{", "1", "4hi", "0{}", open_packet(sid=7), b"0{}", open_packet()[1:]]
)
def test_anything_else_than_an_open_packet_changes_nothing(data):
    session = ClientSession("websocket", None)

    with pytest.raises(ProtocolError):
        session.opened(data, NOW)

    assert session.handshake is None
    assert not session.is_open
    assert session.reason is None


# what comes from the server

INPUTS = {
    "text": ("4hello", "hello", None, []),
    "empty text": ("4", "", None, []),
    "text like a packet": ("41", "1", None, []),
    "binary": (b"\x00\x01", b"\x00\x01", None, []),
    "empty binary": (b"", b"", None, []),
    "ping": ("2", None, None, ["3"]),
    "ping with payload": ("2probe", None, None, ["3probe"]),
    "close": ("1", None, Reason.TRANSPORT_CLOSE, []),
    "noop": ("6", None, None, []),
    "late open": ("0{}", None, None, []),
    "late probe answer": ("3probe", None, None, []),
    "upgrade": ("5", None, None, []),
}


@pytest.mark.parametrize(
    ("data", "message", "reason", "answer"), INPUTS.values(), ids=INPUTS.keys()
)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_each_packet_of_the_server(transport, data, message, reason, answer):
    session = opened(transport)

    assert session.receive(data, NOW) == message

    assert session.reason == reason
    assert [m.text for batch in drain(session) for m in batch] == answer


@pytest.mark.parametrize("data", ["", "7", "9", "x", "b", " 4", "٤"])
def test_what_is_not_a_packet_is_an_error(data):
    session = opened()

    with pytest.raises(ProtocolError):
        session.receive(data, NOW)


def test_what_follows_a_close_is_ignored():
    session = opened()

    session.receive("1", NOW)

    assert session.receive("4late", NOW) is None
    assert session.receive("bad", NOW) is None


def test_what_comes_after_our_close_is_ignored():
    session = opened()

    session.end()

    assert session.receive("4late", NOW) is None
    assert session.reason is None


@pytest.mark.parametrize("count", [1, 16, 17, 500])
def test_a_response_may_carry_any_number_of_packets(count):
    body = "\x1e".join(["4x"] * (count - 1) + ["bAAE="]).encode()

    packets = opened().split(body)

    assert packets == ["4x"] * (count - 1) + [b"\x00\x01"]


@pytest.mark.parametrize("body", [b"\xff", b"b!"])
def test_a_malformed_response_is_an_error(body):
    with pytest.raises(ProtocolError):
        opened().split(body)


@given(st.text() | st.binary())
def test_any_packet_is_taken_or_refused(data):
    session = opened()

    try:
        message = session.receive(data, NOW)
    except ProtocolError:
        return

    assert message is None or message == (data if isinstance(data, bytes) else data[1:])


# the heartbeat


def test_the_server_may_be_silent_for_interval_and_timeout():
    session = opened()

    assert session.patience(NOW) == INTERVAL + TIMEOUT
    assert session.patience(NOW + 40) == 5


def test_only_a_ping_renews_the_patience():
    session = opened()

    session.receive("4hi", NOW + 10)
    session.receive("6", NOW + 10)
    assert session.patience(NOW + 10) == INTERVAL + TIMEOUT - 10

    session.receive("2", NOW + 10)
    assert session.patience(NOW + 10) == INTERVAL + TIMEOUT


def test_a_late_reader_still_looks_once():
    assert opened().patience(NOW + 1000) == LAST_LOOK


def test_a_pong_leaves_before_what_waits():
    session = opened("websocket")
    session.send([text("a"), text("b")])

    session.receive("2", NOW)

    assert [m.text for m in session.take()] == ["3", "4a", "4b"]


def test_only_the_latest_pong_waits():
    session = opened()

    for number in range(1000):
        session.receive(f"2{number}", NOW)

    assert session.pending == 1
    assert session.buffered == 4 + MESSAGE_OVERHEAD
    assert [m.text for m in session.take()] == ["3999"]


# the upgrade

UPGRADES = {
    "both want it": ("polling", ["websocket"], ["polling", "websocket"], True),
    "not announced": ("polling", [], ["polling", "websocket"], False),
    "not wanted": ("polling", ["websocket"], ["polling"], False),
    "a websocket already": ("websocket", ["websocket"], ["websocket"], False),
}


@pytest.mark.parametrize(
    ("transport", "upgrades", "transports", "expected"), UPGRADES.values(), ids=UPGRADES.keys()
)
def test_when_an_upgrade_is_tried(transport, upgrades, transports, expected):
    session = opened(transport, upgrades=upgrades)

    assert session.can_upgrade(transports) is expected


def test_no_upgrade_before_the_handshake_or_after_the_end():
    assert not ClientSession("polling", None).can_upgrade(["websocket"])

    session = opened()
    session.close(Reason.CLIENT_DISCONNECT)

    assert not session.can_upgrade(["websocket"])


def test_the_probe_is_answered():
    session = opened()
    assert (PROBE.text, UPGRADE.text) == ("2probe", "5")

    session.probe_reply("3probe")
    assert session.transport == "polling"

    session.upgraded()
    assert session.transport == "websocket"


@pytest.mark.parametrize("data", ["", "3", "2probe", "6", "4hi", b"3probe"])
def test_another_answer_to_the_probe_is_an_error(data):
    with pytest.raises(ProtocolError):
        opened().probe_reply(data)


# what the application sends


@pytest.mark.parametrize("state", ["new", "ending", "closed"])
def test_nothing_is_queued_unless_open(state):
    session = ClientSession("polling", None) if state == "new" else opened()
    if state == "ending":
        session.end()
    if state == "closed":
        session.close(Reason.TRANSPORT_ERROR)
    before = session.pending

    assert session.send([text("x")]) is False

    assert session.pending == before
    assert session.has_room


def test_our_close_leaves_last():
    session = opened()
    session.send([text("x")])

    session.end()
    session.end()

    assert not session.is_open
    assert session.take() == [*session._in_flight]
    assert [m.text for m in session._in_flight] == ["4x", CLOSE.text]


def test_the_first_reason_stays_and_drops_what_waits():
    session = opened()
    session.send([text("x")])
    session.receive("2", NOW)

    assert session.close(Reason.TRANSPORT_ERROR) is True
    assert session.close(Reason.CLIENT_DISCONNECT) is False

    assert session.reason == Reason.TRANSPORT_ERROR
    assert session.pending == 0
    assert session.is_drained
    assert session.buffered == 0


def test_a_full_queue_has_no_room_until_it_has_left():
    session = opened(max_buffered=2 * MESSAGE_OVERHEAD)
    session.send([text("a")])
    assert session.has_room

    session.send([text("b")])
    assert not session.has_room

    session.take()
    assert not session.has_room
    assert not session.is_drained

    session.sent()
    assert session.has_room
    assert session.is_drained


def test_an_unlimited_queue_always_has_room():
    session = opened()

    session.send([text("x" * 1000)] * 1000)

    assert session.has_room


# how it leaves


def test_a_websocket_takes_everything_at_once():
    session = opened("websocket", maxPayload=1)
    messages = [text(str(n)) for n in range(100)]

    session.send(messages)

    assert drain(session) == [messages]


def test_a_post_carries_at_most_sixteen_packets():
    session = opened()
    session.send([text("x")] * 40)

    assert [len(batch) for batch in drain(session)] == [16, 16, 8]


def test_a_pong_counts_as_a_packet_of_its_post():
    session = opened()
    session.send([text("x")] * 16)
    session.receive("2", NOW)

    assert [len(batch) for batch in drain(session)] == [16, 1]


@pytest.mark.parametrize(
    ("max_payload", "sizes"),
    [
        (None, [4]),
        (19, [4]),  # four packets of four bytes and three separators
        (18, [3, 1]),
        (9, [2, 2]),
        (8, [1, 1, 1, 1]),
        (1, [1, 1, 1, 1]),  # each is too large by itself
    ],
)
def test_a_post_stays_within_max_payload(max_payload, sizes):
    session = opened(maxPayload=max_payload)
    session.send([text("abc")] * 4)

    assert [len(batch) for batch in drain(session)] == sizes


def test_the_size_of_a_post_is_that_of_its_base64():
    session = opened(maxPayload=100)
    session.send([Message(bytes(50), binary=True), Message(bytes(50), binary=True)])

    assert [len(batch) for batch in drain(session)] == [1, 1]


@given(
    st.lists(st.binary(max_size=40).map(lambda data: Message(data, True)) | TEXTS.map(text)),
    st.integers(min_value=1, max_value=200) | st.none(),
    st.booleans(),
)
def test_posts_keep_order_and_limits(messages, max_payload, ping):
    session = opened(maxPayload=max_payload)
    session.send(messages)
    if ping:
        session.receive("2", NOW)

    batches = drain(session)

    sent = [message for batch in batches for message in batch]
    assert (sent[1:] if ping else sent) == messages
    assert session.buffered == 0
    for batch in batches:
        body = session.post_body(batch)
        assert split_payload(body, MAX_POST_PACKETS) == [
            message.payload if message.binary else message.text for message in batch
        ]
        assert max_payload is None or len(body) <= max_payload or len(batch) == 1
