"""Packets for tests: wires, values that they carry, and messages as a peer receives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from engineio._core.codec import MAX_DEPTH, MAX_INT_DIGITS, make_codec
from socketio._core.wire import PacketLimits, make_wire, packet_class_of
from socketio.packet import Packet

if TYPE_CHECKING:
    from engineio._core.message import Message
    from socketio._core.decoder import Decoder, Inbound
    from socketio._core.wire import Wire


class OwnPacket(Packet):
    """The default format, through the methods of a packet class of the application."""


SERIALIZERS: dict[str, str | type[Packet]] = {
    "default": "default",
    "msgpack": "msgpack",
    "own": OwnPacket,
}


def wire_of(
    serializer: str = "default",
    max_attachments: int = 100,
    max_attachment_bytes: int = 1000,
    max_json_depth: int = MAX_DEPTH,
    max_json_int_digits: int = MAX_INT_DIGITS,
) -> Wire:
    limits = PacketLimits(
        max_attachments, max_attachment_bytes, max_json_depth, max_json_int_digits
    )
    codec = make_codec(max_depth=max_json_depth, max_int_digits=max_json_int_digits)
    return make_wire(packet_class_of(SERIALIZERS[serializer]), codec, limits)


def payloads(messages: list[Message]) -> list[str | bytes]:
    """Return what the peer's Engine.IO hands to its Socket.IO."""
    return [
        message.payload if message.binary else message.payload.decode().removeprefix("4")
        for message in messages
    ]


def feed_all(decoder: Decoder, messages: list[Message]) -> Inbound:
    """Return the packet that the last of these messages completes."""
    *first, last = payloads(messages)
    for data in first:
        assert decoder.feed(data) is None
        assert decoder.waiting
    packet = decoder.feed(last)
    assert not decoder.waiting
    assert packet is not None
    return packet


def content(packet: Inbound | None) -> tuple[int, str, int | None, Any] | None:
    """Return a packet as something that can be compared."""
    return None if packet is None else (packet.type, packet.namespace, packet.id, packet.data)


def is_placeholder(value: Any) -> bool:
    return isinstance(value, dict) and "_placeholder" in value


def as_received(value: Any) -> Any:
    """Return a value as it arrives: tuples as lists, anything binary as ``bytes``."""
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, list | tuple):
        return [as_received(item) for item in value]
    if isinstance(value, dict):
        return {key: as_received(item) for key, item in value.items()}
    return value


def values(*leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what every format carries, nested, with these further leaves."""
    simple = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        *leaves,
    )
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(st.text(), inner, max_size=4).filter(lambda d: not is_placeholder(d)),
        ),
        max_leaves=12,
    )


binary = st.one_of(
    st.binary(max_size=20), st.binary(max_size=20).map(bytearray), st.just(memoryview(b"view"))
)

namespaces = st.one_of(
    st.just("/"),
    st.text(st.characters(codec="utf-8", exclude_characters=",?"), max_size=20).map("/".__add__),
)
