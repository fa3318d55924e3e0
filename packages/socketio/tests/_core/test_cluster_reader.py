from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_support import values

from engineio._core.codec import make_codec
from socketio._core import cluster_reader
from socketio._core.cluster import (
    Acknowledge,
    CloseRoom,
    Disconnect,
    Emit,
    EnterRoom,
    LeaveRoom,
    write,
)
from socketio._core.cluster_reader import WINDOW, ClusterReader, Sequence, is_numbered

rooms = st.one_of(
    st.text(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)

OWN = "0" * 32
OTHER = "1" * 32


class Refusing:
    """A codec that must not be needed."""

    def dumps(self, value: Any) -> bytes:
        raise NotImplementedError

    def loads(self, text: str) -> Any:
        raise AssertionError(f"{text} was parsed")


def make_reader(
    has_members: bool = True, members: list[tuple[str, Any]] | None = None
) -> ClusterReader:
    """Return the reader of a process that has everybody, nobody, or these members."""

    def look(namespace: str, room: Any) -> bool:
        return has_members if members is None else (namespace, room) in members

    def is_here(sid: str, namespace: str) -> bool:
        return look(namespace, sid)

    return ClusterReader(OWN, make_codec(), look, is_here)


class RoomCodec:
    """A codec that is only good for the names of rooms."""

    def dumps(self, value: Any) -> bytes:
        raise NotImplementedError

    def loads(self, text: str) -> Any:
        assert "method" not in text, f"{text} was parsed"
        return json.loads(text)


def lazy_reader(codec: Any = None) -> ClusterReader:
    """Return the reader of a process in which nobody is, and which need not parse."""
    return ClusterReader(
        OWN, codec or Refusing(), lambda namespace, room: False, lambda sid, namespace: False
    )


def fields(host: str = OTHER, seq: int | None = None, **others: Any) -> dict[str, Any]:
    written = {**Emit("hi", {"x": 1}, "/", None).to_fields(), **others, "host_id": host}
    return written if seq is None else {**written, "seq": seq}


def compact(message: dict[str, Any]) -> bytes:
    return write(message, make_codec().dumps)


def spaced(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


WRITERS = [compact, spaced]


@pytest.mark.parametrize("write", WRITERS)
def test_a_message_of_another_process_is_read(write: Any) -> None:
    reader = make_reader()

    assert reader.read(write(fields())) == Emit("hi", {"x": 1}, "/")
    assert reader.received == 1


@pytest.mark.parametrize("convert", [bytes, bytearray, bytes.decode, json.loads])
def test_messages_come_as_bytes_as_text_or_as_dicts(convert: Any) -> None:
    message = convert(compact(fields(seq=1)))

    assert make_reader().read(message) == Emit("hi", {"x": 1}, "/")


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("seq", [None, 1, 10**17])
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"room": "a"},
        {"skip_sid": "a"},
        {"skip_sid": ["a", "b"], "callback": ["a", "/", 1]},
        {"data": [{"namespace": "/x", "host_id": OTHER}, '"namespace": "/y"']},
    ],
)
def test_own_messages_are_passed_over_without_being_parsed(
    write: Any, seq: int | None, others: dict[str, Any]
) -> None:
    reader = lazy_reader()

    assert reader.read(write(fields(OWN, seq, **others))) is None

    assert (reader.received, reader.malformed, reader.own_seq) == (0, 0, seq or 0)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("room", [None, "room", "räum", ""])
def test_what_nobody_here_would_receive_is_not_parsed(write: Any, room: str | None) -> None:
    reader = lazy_reader()

    # the standard library writes an umlaut as an escape, for which a parser is needed
    if room != "räum" or write is compact:
        assert reader.read(write(fields(seq=1, room=room))) is None
        assert reader.received == 1


@pytest.mark.parametrize("write", WRITERS)
def test_what_somebody_here_receives_is_parsed(write: Any) -> None:
    reader = make_reader(members=[("/", None), ("/chat", "room"), ("/räum", "räum")])

    for namespace, room in (("/", None), ("/chat", "room"), ("/räum", "räum")):
        assert isinstance(reader.read(write(fields(namespace=namespace, room=room))), Emit)
    assert reader.read(write(fields(namespace="/", room="room"))) is None
    assert reader.received == 4


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "room", [["a", "b"], ["a", 5], [], 5, -1.5, 1e300, 'quo"te', "back\\slash", "räum", "room]"]
)
def test_of_several_rooms_or_unusual_ones_only_the_names_are_parsed(write: Any, room: Any) -> None:
    reader = lazy_reader(RoomCodec())

    assert reader.read(write(fields(seq=1, room=room))) is None
    assert reader.read(write(fields(OWN, 7, room=room))) is None
    assert (reader.received, reader.own_seq, reader.malformed) == (1, 7, 0)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("room", [["a", "b"], ["b", "a"], 5, 'quo"te', "räum"])
def test_who_is_in_one_of_several_rooms_or_in_an_unusual_one_gets_it(write: Any, room: Any) -> None:
    reader = make_reader(members=[("/", name) for name in ("b", 5, 'quo"te', "räum")])

    assert reader.read(write(fields(room=room))) == Emit("hi", {"x": 1}, "/", room)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("room", [["a]"], [{"a": 1}], [["a"]]])
def test_what_is_stranger_still_is_parsed(write: Any, room: Any) -> None:
    reader = make_reader(has_members=False)

    reader.read(write(fields(room=room)))

    assert (reader.received, reader.malformed) == ((1, 0) if room == ["a]"] else (0, 1))


CLIENT_MESSAGES = [
    Disconnect("a", "/"),
    EnterRoom("a", "room", "/"),
    EnterRoom("a", 'quo"te', "/"),
    LeaveRoom("a", 5, "/"),
]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("message", CLIENT_MESSAGES)
@pytest.mark.parametrize("number", [{}, {"seq": 1}])
def test_what_is_about_a_client_of_others_is_not_parsed(
    write: Any, message: Any, number: dict[str, int]
) -> None:
    reader = lazy_reader()

    assert reader.read(write({**message.to_fields(), "host_id": OTHER, **number})) is None
    assert reader.read(write({**message.to_fields(), "host_id": OWN, "seq": 3})) is None

    assert (reader.received, reader.own_seq, reader.malformed) == (1, 3, 0)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("message", CLIENT_MESSAGES)
def test_what_is_about_a_client_of_this_process_is_parsed(write: Any, message: Any) -> None:
    reader = make_reader(members=[("/", "a")])

    assert reader.read(write({**message.to_fields(), "host_id": OTHER})) == message


@pytest.mark.parametrize("write", WRITERS)
def test_an_acknowledgement_for_another_process_is_not_parsed(write: Any) -> None:
    reader = lazy_reader()
    answer = Acknowledge(OTHER, ("room", "/", 1), [{"host_id": OWN, "method": "emit"}])

    assert reader.read(write(answer.to_fields())) is None

    assert reader.received == 0


def test_other_own_messages_are_passed_over_too() -> None:
    reader = make_reader()

    assert reader.read(compact({**CloseRoom("a", "/").to_fields(), "host_id": OWN})) is None
    assert reader.read(compact({**Disconnect("a", "/").to_fields(), "host_id": OTHER})) is not None


def test_an_acknowledgement_is_for_the_host_that_it_names() -> None:
    reader = make_reader()
    own = Acknowledge(OWN, ("room", "/", 1), [1])

    assert reader.read(compact(own.to_fields())) == own
    assert reader.read(compact(Acknowledge(OTHER, ("room", "/", 1), [1]).to_fields())) is None
    assert reader.received == 1


def test_a_message_without_a_host_is_read() -> None:
    assert make_reader().read({"method": "emit", "event": "hi", "seq": 5}) == Emit("hi", None, "/")
    assert make_reader().read(fields(seq=None) | {"seq": "x"}) == Emit("hi", {"x": 1}, "/")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00}\x94.",
        b"\xff\xfe",
        b"1",
        b"null",
        b'"emit"',
        b"[]",
        b"{}",
        b"{",
        b"[" * 100_000,
        b'{"method":"emit"}',
        compact(fields(event="connect")),
        compact(fields()) + b"}",
        compact(fields(namespace="/")).replace(b'"/"', b'"\xff"'),
        5,
        None,
    ],
)
def test_what_is_malformed_is_dropped_and_counted(data: Any) -> None:
    reader = make_reader()

    assert reader.read(data) is None
    assert reader.malformed == 1


def test_a_dict_that_contains_itself_is_dropped_and_counted() -> None:
    data: list[Any] = []
    data.append(data)
    reader = make_reader()

    assert reader.read(fields(binary=True, data=[data])) is None
    assert reader.malformed == 1


@given(st.one_of(st.binary(), st.text(), values().map(make_codec().dumps)))
def test_reading_never_raises(data: bytes | str) -> None:
    make_reader().read(data)


@given(
    data=values(),
    room=st.one_of(st.none(), rooms, st.lists(rooms, min_size=1)),
    skip_sid=st.one_of(st.none(), st.text(), st.lists(st.text())),
    host=st.sampled_from([OWN, OTHER]),
    write=st.sampled_from(WRITERS),
)
def test_not_parsing_makes_no_difference(
    data: Any, room: Any, skip_sid: Any, host: str, write: Any
) -> None:
    message = fields(host, data=[data], room=room, skip_sid=skip_sid)
    text = write(message)

    read = make_reader().read(text)

    assert (read is None) == (host == OWN)
    assert read is None or read == make_reader().read(json.loads(text))


@given(
    message=st.one_of(
        st.builds(Emit, st.just("hi"), values(), st.text(), st.one_of(rooms, st.lists(rooms))),
        st.builds(Disconnect, st.text(), st.text()),
        st.builds(EnterRoom, st.text(), rooms, st.text()),
        st.builds(LeaveRoom, st.text(), rooms, st.text()),
    ),
    host=st.sampled_from([OWN, OTHER]),
    seq=st.one_of(st.none(), st.integers(1, 10**17)),
    write=st.sampled_from(WRITERS),
    has_members=st.booleans(),
)
def test_messages_of_all_kinds_are_read_as_if_they_were_parsed(
    message: Any, host: str, seq: int | None, write: Any, has_members: bool
) -> None:
    written = {**message.to_fields(), "host_id": host}
    text = write(written if seq is None else {**written, "seq": seq})
    reader, parsing = make_reader(has_members), make_reader()

    read, parsed = reader.read(text), parsing.read(json.loads(text))

    assert read == parsed or (read is None and not has_members)
    for name in ("received", "malformed", "duplicates", "missed", "own_seq"):
        assert getattr(reader, name) == getattr(parsing, name)


@given(
    host=st.sampled_from([OWN, OTHER]),
    room=st.one_of(st.none(), rooms),
    args=st.lists(values()),
    write=st.sampled_from(WRITERS),
)
def test_acknowledgements_are_read_as_if_they_were_parsed(
    host: str, room: Any, args: list[Any], write: Any
) -> None:
    text = write(Acknowledge(host, (room, "/", 1), args).to_fields())

    assert make_reader().read(text) == make_reader().read(json.loads(text))


# running numbers


@pytest.mark.parametrize("write", WRITERS)
def test_it_shows_whether_a_message_is_numbered(write: Any) -> None:
    assert is_numbered(write(fields(seq=17)))
    assert not is_numbered(write(fields()))
    assert not is_numbered(write(Acknowledge(OTHER, ("room", "/", 1), ['"seq":1}']).to_fields()))
    assert not is_numbered(b"")


def test_what_has_not_come_is_missed() -> None:
    reader = make_reader()

    for seq in (5, 6, 9):
        assert reader.read(compact(fields(seq=seq))) is not None

    assert (reader.missed, reader.duplicates, reader.received) == (2, 0, 3)


def test_each_process_has_its_own_numbers() -> None:
    reader = make_reader()

    for host, seq in (("a" * 32, 1), ("b" * 32, 50), ("a" * 32, 2), ("b" * 32, 51)):
        reader.read(compact(fields(host, seq)))

    assert (reader.missed, reader.received) == (0, 4)


def test_what_comes_twice_is_read_once() -> None:
    reader = make_reader()
    reader.read(compact(fields(seq=1)))

    assert reader.read(compact(fields(seq=1))) is None
    assert reader.read(compact(fields(seq=1, room=["a"]))) is None
    assert (reader.duplicates, reader.received) == (2, 1)


def test_what_comes_late_is_not_missed_any_more() -> None:
    reader = make_reader()

    for seq in (1, 3, 2):
        assert reader.read(compact(fields(seq=seq))) is not None

    assert (reader.missed, reader.duplicates) == (0, 0)


def test_only_so_many_processes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_reader, "MAX_HOSTS", 2)
    reader = make_reader()

    for host in "abc":
        reader.read(compact(fields(host * 32, 1)))

    assert reader.read(compact(fields("a" * 32, 9))) is not None
    assert reader.missed == 0


def test_a_process_that_counts_from_the_beginning_again_is_believed() -> None:
    sequence = Sequence(WINDOW + 5)

    assert sequence.take(5)
    assert not sequence.take(5)
    assert sequence.missed == 0


def test_what_came_before_the_first_is_not_counted() -> None:
    sequence = Sequence(10)

    assert sequence.take(9)
    assert not sequence.take(9)
    assert sequence.missed == 0


@given(st.lists(st.integers(1, WINDOW), min_size=1))
def test_within_the_window_every_number_is_taken_once(numbers: list[int]) -> None:
    sequence = Sequence(numbers[0])
    seen = {numbers[0]}
    for number in numbers[1:]:
        assert sequence.take(number) == (number not in seen)
        seen.add(number)

    assert sequence.missed == len(set(range(numbers[0], max(seen) + 1)) - seen)


@given(st.lists(st.integers(1, 10**6), min_size=1))
def test_any_order_of_numbers_is_survived(numbers: list[int]) -> None:
    sequence = Sequence(numbers[0])
    for number in numbers:
        sequence.take(number)
        assert not sequence.take(number)
