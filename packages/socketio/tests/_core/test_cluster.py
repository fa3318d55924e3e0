from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_support import as_received, binary, namespaces, values

from engineio._core.codec import make_codec
from socketio._core.cluster import (
    Acknowledge,
    CloseRoom,
    Disconnect,
    Emit,
    EnterRoom,
    LeaveRoom,
    ReplyTo,
    parse,
    spell_out_binary,
    write,
)

HOST = "0123456789abcdef0123456789abcdef"

rooms = st.one_of(st.text(), st.integers(-(2**53), 2**53))
events = st.text(min_size=1, max_size=10).map("event ".__add__)
sids = st.text(max_size=20)


def travel(message: Any, **fields: Any) -> Any:
    """Return the message as another process reads it."""
    written = spell_out_binary({"host_id": HOST, **message.to_fields(), **fields})
    return parse(json.loads(write(written, make_codec().dumps)))


def emit(**fields: Any) -> dict[str, Any]:
    return {
        "method": "emit",
        "event": "hi",
        "data": [1],
        "binary": False,
        "namespace": "/",
        "room": None,
        "skip_sid": None,
        "callback": None,
        "host_id": HOST,
        **fields,
    }


def as_arguments(data: Any) -> list[Any]:
    if data is None:
        return []
    return list(data) if isinstance(data, tuple) else [data]


# what is written


def test_an_event_is_written_as_python_socketio_writes_it() -> None:
    message = Emit("hi", {"x": 1}, "/", None, None)

    assert {**message.to_fields(), "host_id": HOST} == emit(data=[{"x": 1}])


def test_bytes_are_written_as_base64_behind_the_data() -> None:
    fields = Emit("hi", ("a", b"b", [bytearray(b"c")]), "/chat", "room", ["sid"]).to_fields()

    spelt_out = spell_out_binary(fields)

    assert spelt_out["binary"] is True
    assert spelt_out["data"] == [
        ["a", {"_placeholder": True, "num": 0}, [{"_placeholder": True, "num": 1}]],
        "Yg==",
        "Yw==",
    ]
    assert fields["binary"] is False


@pytest.mark.parametrize(
    ("data", "written"),
    [(None, [None]), ((), []), ((None,), [None]), ((1, 2), [1, 2]), ([1, 2], [[1, 2]]), (0, [0])],
)
def test_data_is_written_as_a_list_of_arguments(data: Any, written: list[Any]) -> None:
    assert Emit("hi", data, "/").to_fields()["data"] == written


def test_an_acknowledgement_is_written_as_python_socketio_writes_it() -> None:
    assert Acknowledge(HOST, ("room", "/", 1), ["ok", 2]).to_fields() == {
        "method": "callback",
        "host_id": HOST,
        "sid": "room",
        "namespace": "/",
        "id": 1,
        "args": ["ok", 2],
    }


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (Disconnect("s", "/"), {"method": "disconnect", "sid": "s", "namespace": "/"}),
        (
            EnterRoom("s", "r", "/"),
            {"method": "enter_room", "sid": "s", "room": "r", "namespace": "/"},
        ),
        (
            LeaveRoom("s", "r", "/"),
            {"method": "leave_room", "sid": "s", "room": "r", "namespace": "/"},
        ),
        (CloseRoom("r", "/"), {"method": "close_room", "room": "r", "namespace": "/"}),
    ],
)
def test_other_messages_are_written_as_python_socketio_writes_them(
    message: Any, fields: dict[str, Any]
) -> None:
    assert message.to_fields() == fields
    assert spell_out_binary(fields) is fields


@given(st.dictionaries(st.sampled_from(["method", "data", "room"]), values()))
def test_a_message_is_the_json_of_its_fields(fields: dict[str, Any]) -> None:
    assert json.loads(write(fields, make_codec().dumps)) == as_received(fields)


def test_a_message_is_written_as_utf_8_without_spaces() -> None:
    fields = {"method": "emit", "room": None, "data": ["ä", 1]}

    written = write(fields, make_codec().dumps)

    assert written.decode() in (
        '{"method":"emit","room":null,"data":["ä",1]}',
        '{"method":"emit","room":null,"data":["\\u00e4",1]}',
    )


# what is read


@given(
    event=events,
    data=values(binary),
    namespace=namespaces,
    room=st.one_of(st.none(), rooms, st.lists(rooms)),
    skip_sid=st.one_of(st.none(), sids, st.lists(sids)),
    call=st.one_of(st.none(), st.tuples(rooms, namespaces, st.integers(0, 2**53))),
    seq=st.one_of(st.none(), st.integers(1, 2**53)),
)
def test_an_event_arrives_as_it_was_emitted(
    event: str,
    data: Any,
    namespace: str,
    room: Any,
    skip_sid: Any,
    call: Any,
    seq: int | None,
) -> None:
    message = Emit(event, data, namespace, room, skip_sid, call)

    read = travel(message) if seq is None else travel(message, seq=seq)

    arguments = as_received(as_arguments(data))
    assert as_arguments(read.data) == ([] if arguments == [None] else arguments)
    assert (read.event, read.namespace, read.room, read.skip_sid) == (
        event,
        namespace,
        room,
        skip_sid,
    )
    assert read.call is None
    assert read.reply_to == (None if call is None else ReplyTo(HOST, call, seq is not None))


@given(
    call=st.tuples(st.one_of(rooms, st.none()), namespaces, st.integers(-5, 2**53)),
    args=st.lists(values(binary), max_size=4),
)
def test_an_acknowledgement_arrives_as_it_was_sent(call: Any, args: list[Any]) -> None:
    assert travel(Acknowledge(HOST, call, args)) == Acknowledge(HOST, call, as_received(args))


@given(sid=sids, room=rooms, namespace=namespaces)
def test_other_messages_arrive_as_they_were_sent(sid: str, room: Any, namespace: str) -> None:
    for message in (
        Disconnect(sid, namespace),
        EnterRoom(sid, room, namespace),
        LeaveRoom(sid, room, namespace),
        CloseRoom(room, namespace),
    ):
        assert travel(message) == message


@pytest.mark.parametrize(
    ("data", "read"),
    [([], ()), ([None], None), ([[1]], [1]), ([1, None], (1, None)), ("text", "text"), (5, 5)],
)
def test_foreign_data_is_read_as_python_socketio_reads_it(data: Any, read: Any) -> None:
    message = parse(emit(data=data))

    assert isinstance(message, Emit)
    assert message.data == read


def test_what_a_foreign_emitter_leaves_out_has_its_default() -> None:
    message = parse({"method": "emit", "event": "hi"})

    assert message == Emit("hi", None, "/")


@pytest.mark.parametrize(
    "fields",
    [
        emit(callback=5),
        emit(callback=False),
        emit(callback="abc"),
        emit(callback={}),
        emit(callback=[]),
        emit(callback=["room", 1]),
        emit(callback=["room", "/", 1, 2]),
        emit(callback=["room", "/", "1"]),
        emit(callback=["room", "/", True]),
        emit(callback=["room", None, 1]),
        emit(callback=["room", "/", 1], host_id=None),
    ],
)
def test_a_callback_that_cannot_be_answered_is_ignored(fields: Any) -> None:
    assert parse(fields) == Emit("hi", 1, "/")


@pytest.mark.parametrize(
    "fields",
    [
        None,
        1,
        "emit",
        [],
        {},
        {"method": None},
        {"method": ["emit"]},
        {"method": "pickle"},
        {"method": "emit"},
        emit(event=None),
        emit(event="connect"),
        emit(event="disconnect"),
        emit(namespace=5),
        emit(namespace=["/"]),
        emit(room={}),
        emit(room=True),
        emit(room=[["a"]]),
        emit(skip_sid={"a": 1}),
        emit(skip_sid=[None]),
        emit(binary=True, data=None),
        emit(binary=True, data={"a": 1}),
        emit(binary=True, data=[]),
        emit(binary=True, data=[[1], "no base64"]),
        emit(binary=True, data=[[1], 5]),
        emit(binary=True, data=[[{"_placeholder": True, "num": 0}]]),
        emit(binary=True, data=[[{"_placeholder": True, "num": -1}], "YQ=="]),
        {"method": "callback"},
        {"method": "callback", "host_id": HOST, "sid": "s", "namespace": "/", "id": 1},
        {"method": "callback", "host_id": HOST, "namespace": "/", "id": 1, "args": {}},
        {"method": "callback", "host_id": HOST, "namespace": "/", "id": 1.5, "args": []},
        {"method": "callback", "host_id": 5, "namespace": "/", "id": 1, "args": []},
        {"method": "callback", "host_id": HOST, "id": 1, "args": 1, "binary": True},
        {"method": "disconnect"},
        {"method": "disconnect", "sid": 5},
        {"method": "enter_room", "sid": "s"},
        {"method": "enter_room", "sid": "s", "room": None},
        {"method": "leave_room", "sid": None, "room": "r"},
        {"method": "close_room", "room": ["r"]},
    ],
)
def test_anything_else_is_a_value_error(fields: Any) -> None:
    with pytest.raises(ValueError, match="."):
        parse(fields)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    "method event data binary room skip_sid callback host_id sid id args".split()
                ),
                st.one_of(inner, st.sampled_from(["emit", "callback", "enter_room"])),
            ),
        ),
    )
)
def test_nothing_that_json_can_hold_raises_anything_else(fields: Any) -> None:
    try:
        parse(fields)
    except ValueError:
        pass
