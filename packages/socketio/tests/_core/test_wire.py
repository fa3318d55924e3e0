from __future__ import annotations

from typing import Any

import pytest
from packet_support import OwnPacket, content, feed_all, payloads, wire_of

from socketio._core.decoder import DefaultDecoder, PacketClassDecoder
from socketio._core.encoder import DefaultEncoder, PacketClassEncoder
from socketio._core.wire import packet_class_of
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import EVENT, Packet


@pytest.mark.parametrize(
    ("serializer", "encoder", "decoder"),
    [
        ("default", DefaultEncoder, DefaultDecoder),
        ("msgpack", PacketClassEncoder, PacketClassDecoder),
        ("own", PacketClassEncoder, PacketClassDecoder),
    ],
)
def test_only_the_default_format_is_written_by_hand(
    serializer: str, encoder: type, decoder: type
) -> None:
    wire = wire_of(serializer)

    assert type(wire.encoder) is encoder
    assert type(wire.new_decoder()) is decoder


@pytest.mark.parametrize("serializer", ["default", "own"])
def test_connections_do_not_share_half_a_packet(serializer: str) -> None:
    wire = wire_of(serializer)
    half, other = wire.new_decoder(), wire.new_decoder()
    messages = wire.encoder.event("/", ["a", b"x"])

    half.feed(payloads(messages)[0])

    assert (half.waiting, other.waiting) == (True, False)
    assert content(feed_all(other, messages)) == (EVENT, "/", None, ["a", b"x"])


@pytest.mark.parametrize(
    ("serializer", "packet_class"),
    [
        ("default", Packet),
        ("msgpack", MsgPackPacket),
        (Packet, Packet),
        (OwnPacket, OwnPacket),
        (MsgPackPacket, MsgPackPacket),
    ],
)
def test_a_serializer_is_a_name_or_a_packet_class(
    serializer: Any, packet_class: type[Packet]
) -> None:
    assert packet_class_of(serializer) is packet_class


@pytest.mark.parametrize("serializer", ["", "pickle", "cbor", None, object, Packet()])
def test_anything_else_is_no_serializer(serializer: Any) -> None:
    with pytest.raises(ValueError, match="Invalid serializer"):
        packet_class_of(serializer)
