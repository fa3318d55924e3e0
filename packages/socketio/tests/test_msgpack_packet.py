from __future__ import annotations

import datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_support import as_received, binary, namespaces, values

from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT

UNDEFINED = b"\xd4\x00\x00"
"""``undefined`` as the official parser's library writes it: fixext 1 of type 0."""


def packed(**fields: Any) -> bytes:
    return msgpack.packb(fields)


def test_bytes_travel_inside_the_packet() -> None:
    packet = MsgPackPacket(EVENT, ["a", b"x"], "/chat", 0)
    encoded = packet.encode()

    assert packet.packet_type == EVENT
    assert msgpack.unpackb(encoded) == {
        "type": EVENT,
        "data": ["a", b"x"],
        "nsp": "/chat",
        "id": 0,
    }


def test_the_default_namespace_is_written_out_and_an_absent_id_is_not() -> None:
    assert msgpack.unpackb(MsgPackPacket(CONNECT, {"sid": "x"}).encode()) == {
        "type": CONNECT,
        "data": {"sid": "x"},
        "nsp": "/",
    }


def test_a_disconnect_has_no_data_in_javascript() -> None:
    # the official parser refuses any data, null included
    assert b"\xa4data" + UNDEFINED in MsgPackPacket(DISCONNECT).encode()


def test_a_connect_without_data_has_an_empty_object() -> None:
    # the official parser refuses null; python-socketio takes an empty object for no auth
    assert msgpack.unpackb(MsgPackPacket(CONNECT, None, "/chat").encode())["data"] == {}


def test_undefined_is_read_as_absent() -> None:
    # what the official client sends as CONNECT without auth, and for emit("a", undefined)
    connect = b"\x83\xa4type\x00\xa4data" + UNDEFINED + b"\xa3nsp\xa1/"
    event = b"\x84\xa4type\x02\xa4data\x92\xa1a" + UNDEFINED + b"\xa7options\x80\xa3nsp\xa1/"

    assert MsgPackPacket(encoded_packet=connect).data is None
    assert MsgPackPacket(encoded_packet=event).data == ["a", None]


@given(
    kind=st.sampled_from([EVENT, ACK]),
    namespace=namespaces,
    data=st.lists(values(binary), max_size=4),
    id=st.none() | st.integers(0, 2**64 - 1),
)
def test_what_is_encoded_is_decoded_to_the_same(
    kind: int, namespace: str, data: list[Any], id: int | None
) -> None:
    packet = MsgPackPacket(encoded_packet=MsgPackPacket(kind, data, namespace, id).encode())

    assert (packet.packet_type, packet.namespace, packet.id) == (kind, namespace, id)
    assert packet.data == as_received(data)
    assert packet.attachment_count == 0


@pytest.mark.parametrize(
    "encoded",
    [
        '2["a"]',
        b"",
        b"\xc1",
        packed(type=EVENT, data=["a"], nsp="/") + b"\x00",
        packed(type=EVENT, data=["a"], nsp="/")[:-1],
        msgpack.packb([EVENT, "/", ["a"]]),
        packed(data=["a"], nsp="/"),
        packed(type="2", data=["a"], nsp="/"),
        packed(type=True, data=["a"], nsp="/"),
        packed(type=2.0, data=["a"], nsp="/"),
        packed(type=-1, data=["a"], nsp="/"),
        packed(type=5, data=["a"], nsp="/"),
        packed(type=EVENT, data=["a"]),
        packed(type=EVENT, data=["a"], nsp=None),
        packed(type=EVENT, data=["a"], nsp=""),
        packed(type=EVENT, data=["a"], nsp="*"),
        packed(type=EVENT, data=["a"], nsp="/", id=-1),
        packed(type=EVENT, data=["a"], nsp="/", id="1"),
        packed(type=EVENT, data=["a"], nsp="/", id=True),
        b"\x91" * 100_000,
        b"\xa1\xff",
    ],
)
def test_what_is_not_a_packet_is_a_value_error(encoded: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a text of its own
        MsgPackPacket(encoded_packet=encoded)


def test_values_that_messagepack_cannot_hold_can_be_converted() -> None:
    packet_class = MsgPackPacket.configure(dumps_default=str)
    day = datetime.date(2026, 1, 2)

    assert msgpack.unpackb(packet_class(EVENT, ["a", day]).encode())["data"] == ["a", "2026-01-02"]
    with pytest.raises(TypeError):
        MsgPackPacket(EVENT, ["a", day]).encode()


def test_extension_values_can_be_converted() -> None:
    encoded = packed(type=EVENT, data=["a", msgpack.ExtType(7, b"x")], nsp="/")
    packet_class = MsgPackPacket.configure(ext_hook=lambda code, data: (code, data))

    assert packet_class(encoded_packet=encoded).data == ["a", (7, b"x")]
    assert MsgPackPacket(encoded_packet=encoded).data == ["a", msgpack.ExtType(7, b"x")]


def test_a_configured_class_is_a_class_of_its_own() -> None:
    packet_class = MsgPackPacket.configure()

    assert issubclass(packet_class, MsgPackPacket)
    assert packet_class is not MsgPackPacket
    assert packet_class(EVENT, ["a"]).encode() == MsgPackPacket(EVENT, ["a"]).encode()
