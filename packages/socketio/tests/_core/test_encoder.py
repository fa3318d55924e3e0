from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_support import SERIALIZERS, as_received, binary, feed_all, namespaces, values, wire_of

from engineio._core.codec import make_codec
from socketio._core.decoder import RESERVED_EVENTS
from socketio._core.encoder import DefaultEncoder, PacketClassEncoder
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

if TYPE_CHECKING:
    from engineio._core.message import Message

TEXT_FORMATS = ["default", "own"]
PLACEHOLDERS = [b'{"_placeholder":true,"num":%d}' % number for number in range(2)]


def wire_bytes(messages: list[Message]) -> list[bytes]:
    for message in messages:
        assert message.binary == (message is not messages[0])
    return [message.payload for message in messages]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    ("namespace", "args", "id", "payload"),
    [
        ("/", ["a"], None, b'42["a"]'),
        ("/", ("a", 1), None, b'42["a",1]'),
        ("/", ["a"], 0, b'420["a"]'),
        ("/", ["a", None], 12, b'4212["a",null]'),
        ("/chat", ["a", {"b": [True]}], None, b'42/chat,["a",{"b":[true]}]'),
        ("/chat", ["a"], 7, b'42/chat,7["a"]'),
    ],
)
def test_an_event_is_one_text_message(
    serializer: str, namespace: str, args: Any, id: int | None, payload: bytes
) -> None:
    encoder = wire_of(serializer).encoder

    assert wire_bytes(encoder.event(namespace, args, id)) == [payload]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    ("namespace", "id", "args", "payload"),
    [
        ("/", 0, [], b"430[]"),
        ("/", 1, ["x", 2], b'431["x",2]'),
        ("/chat", 12, (None,), b"43/chat,12[null]"),
    ],
)
def test_an_acknowledgement_has_the_id_of_its_event(
    serializer: str, namespace: str, id: int, args: Any, payload: bytes
) -> None:
    assert wire_bytes(wire_of(serializer).encoder.ack(namespace, id, args)) == [payload]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_control_packets_end_the_namespace_with_a_comma(serializer: str) -> None:
    encoder = wire_of(serializer).encoder

    assert wire_bytes(encoder.connect("/")) == [b"40"]
    assert wire_bytes(encoder.connect("/chat")) == [b"40/chat,"]
    assert wire_bytes(encoder.connect("/", {"sid": "x"})) == [b'40{"sid":"x"}']
    assert wire_bytes(encoder.disconnect("/")) == [b"41"]
    assert wire_bytes(encoder.disconnect("/chat")) == [b"41/chat,"]
    assert wire_bytes(encoder.connect_error("/", "no")) == [b'44"no"']
    assert wire_bytes(encoder.connect_error("/chat", {})) == [b"44/chat,{}"]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"x", b"%b"),
        (bytearray(b"x"), b"%b"),
        (memoryview(b"x"), b"%b"),
        ([b"x"], b"[%b]"),
        ((b"x",), b"[%b]"),
        ({"k": b"x"}, b'{"k":%b}'),
        ([({"k": (1, b"x")},)], b'[[{"k":[1,%b]}]]'),
    ],
)
def test_bytes_follow_the_text_wherever_they_are(serializer: str, value: Any, text: bytes) -> None:
    encoder = wire_of(serializer).encoder
    text %= PLACEHOLDERS[0]

    assert wire_bytes(encoder.event("/", ["a", value])) == [b'451-["a",' + text + b"]", b"x"]
    assert wire_bytes(encoder.event("/chat", ["a", value], 7)) == [
        b'451-/chat,7["a",' + text + b"]",
        b"x",
    ]
    assert wire_bytes(encoder.ack("/", 3, [value])) == [b"461-3[" + text + b"]", b"x"]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_attachments_are_numbered_in_the_order_of_the_text(serializer: str) -> None:
    messages = wire_of(serializer).encoder.event("/", ["a", {"k": [b"first"]}, b"second"])

    assert wire_bytes(messages) == [
        b'452-["a",{"k":[%b]},%b]' % tuple(PLACEHOLDERS),
        b"first",
        b"second",
    ]


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_what_was_sent_is_not_changed(serializer: str) -> None:
    args = ["a", {"k": [b"x", (1, bytearray(b"y"))]}]

    wire_of(serializer).encoder.event("/", args)

    assert args == ["a", {"k": [b"x", (1, bytearray(b"y"))]}]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@given(
    namespace=namespaces,
    name=st.text().filter(lambda name: name not in RESERVED_EVENTS),
    args=st.lists(values(binary), max_size=4),
    id=st.none() | st.integers(0, 10**16 - 1),
)
def test_what_is_encoded_is_decoded_to_the_same(
    serializer: str, namespace: str, name: str, args: list[Any], id: int | None
) -> None:
    wire = wire_of(serializer)
    decoder = wire.new_decoder()

    event = feed_all(decoder, wire.encoder.event(namespace, [name, *args], id))
    ack = feed_all(decoder, wire.encoder.ack(namespace, id or 0, args))

    received = as_received(args)
    assert (event.type, event.namespace, event.id) == (EVENT, namespace, id)
    assert event.data == [name, *received]
    assert (ack.type, ack.namespace, ack.id, ack.data) == (ACK, namespace, id or 0, received)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@settings(max_examples=40)
@given(namespace=namespaces, data=st.dictionaries(st.text(), values(), max_size=3))
def test_control_packets_are_decoded_to_the_same(
    serializer: str, namespace: str, data: dict[str, Any]
) -> None:
    wire = wire_of(serializer)
    decoder = wire.new_decoder()

    connect = feed_all(decoder, wire.encoder.connect(namespace, data))
    refusal = feed_all(decoder, wire.encoder.connect_error(namespace, data))
    disconnect = feed_all(decoder, wire.encoder.disconnect(namespace))

    received = as_received(data)
    assert (connect.type, connect.namespace, connect.data) == (CONNECT, namespace, received)
    assert (refusal.type, refusal.namespace, refusal.data) == (CONNECT_ERROR, namespace, received)
    assert (disconnect.type, disconnect.namespace, disconnect.data) == (DISCONNECT, namespace, None)


@given(
    namespace=namespaces, args=st.lists(values(binary), max_size=3), id=st.none() | st.integers(0)
)
def test_a_packet_class_writes_what_the_fast_path_writes(
    namespace: str, args: list[Any], id: int | None
) -> None:
    fast, slow = DefaultEncoder(make_codec(json)), PacketClassEncoder(SERIALIZERS["own"])

    for encode in ("event", "ack", "connect"):
        parameters = {
            "event": (namespace, ["a", *args], id),
            "ack": (namespace, id or 0, args),
            "connect": (namespace, {"sid": "x"}),
        }[encode]

        fast_messages = getattr(fast, encode)(*parameters)

        assert wire_bytes(fast_messages) == wire_bytes(getattr(slow, encode)(*parameters))


def test_a_msgpack_packet_is_one_binary_message() -> None:
    messages = wire_of("msgpack").encoder.event("/", ["a", b"x"])

    assert [message.binary for message in messages] == [True]


def endless() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def endless_with_bytes() -> list[Any]:
    items: list[Any] = [b"x"]
    items.append(items)
    return items


def very_deep() -> list[Any]:
    items: list[Any] = []
    for _ in range(20_000):
        items = [items]
    return items


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, [b"x", object()], endless(), endless_with_bytes(), very_deep()],
    ids=["object", "set", "object and bytes", "endless", "endless with bytes", "deep"],
)
def test_what_cannot_be_written_is_a_type_error(serializer: str, value: Any) -> None:
    encoder = wire_of(serializer).encoder

    for encode in (
        lambda: encoder.event("/", ["a", value]),
        lambda: encoder.ack("/", 1, [value]),
        lambda: encoder.connect("/", value),
        lambda: encoder.connect_error("/", value),
    ):
        with pytest.raises(TypeError):
            encode()


@pytest.mark.parametrize("value", ["\ud800", 2**64])
def test_what_only_msgpack_cannot_write_is_a_type_error_there(value: Any) -> None:
    assert wire_of().encoder.event("/", ["a", value])

    with pytest.raises(TypeError):
        wire_of("msgpack").encoder.event("/", ["a", value])


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_the_text_format_has_no_attachments_for_control_packets(serializer: str) -> None:
    encoder = wire_of(serializer).encoder

    with pytest.raises(TypeError):
        encoder.connect("/", {"token": b"x"})
    with pytest.raises(TypeError):
        encoder.connect_error("/", b"x")


class StrictJSON:
    """A ``json=`` object that refuses more than the standard one."""

    @staticmethod
    def dumps(obj: Any, /, *, separators: tuple[str, str]) -> str:
        return json.dumps(obj, separators=separators, allow_nan=False)

    loads = json.loads


@pytest.mark.parametrize("args", [["a", float("nan")], ["a", b"x", float("nan")]])
def test_what_a_json_object_refuses_is_a_type_error(args: list[Any]) -> None:
    encoder = DefaultEncoder(make_codec(StrictJSON))

    with pytest.raises(TypeError, match="JSON compliant"):
        encoder.event("/", args)


class LenientJSON:
    """A ``json=`` object that writes anything, bytes too."""

    @staticmethod
    def dumps(obj: Any, /, *, separators: tuple[str, str]) -> str:
        return json.dumps(obj, separators=separators, default=str)

    loads = json.loads


def test_bytes_are_attachments_even_if_a_json_object_could_write_them() -> None:
    encoder = DefaultEncoder(make_codec(LenientJSON))

    assert wire_bytes(encoder.event("/", ["a", b"x"])) == [
        b'451-["a",%b]' % PLACEHOLDERS[0],
        b"x",
    ]
    assert wire_bytes(encoder.event("/", ["a", Fraction(1, 2)])) == [b'42["a","1/2"]']


class BytesPacket(Packet):
    """One message of any bytes-like type per packet."""

    uses_binary_events = False

    def encode(self) -> Any:
        return bytearray(b"packet")


def test_a_serializer_may_return_anything_like_bytes() -> None:
    (message,) = PacketClassEncoder(BytesPacket).event("/", ["a"])

    assert message.binary
    assert type(message.payload) is bytes


def test_msgpack_sends_a_disconnect_without_data() -> None:
    (message,) = PacketClassEncoder(MsgPackPacket).disconnect("/chat")

    assert b"\xa4data\xd4\x00\x00" in message.payload
