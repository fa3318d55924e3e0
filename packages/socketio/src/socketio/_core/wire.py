"""One wire format: the encoder of a server or client, and the decoders of its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..packet import Packet
from .decoder import DefaultDecoder, PacketClassDecoder
from .decoder import PacketLimits as PacketLimits
from .encoder import DefaultEncoder, PacketClassEncoder

if TYPE_CHECKING:
    from engineio._core.codec import Codec

    from .decoder import Decoder
    from .encoder import Encoder


class Wire:
    """``encoder`` and ``codec`` are shared by all connections; each has a decoder of its own."""

    __slots__ = ("_limits", "_packet_class", "codec", "encoder")

    encoder: Encoder

    def __init__(self, packet_class: type[Packet], codec: Codec, limits: PacketLimits) -> None:
        self._packet_class = packet_class
        self.codec: Codec = codec
        self._limits = limits
        if packet_class is Packet:
            self.encoder = DefaultEncoder(codec)
        else:
            self.encoder = PacketClassEncoder(packet_class)

    def new_decoder(self) -> Decoder:
        """Return the decoder of a new connection."""
        if self._packet_class is Packet:
            return DefaultDecoder(self.codec, self._limits)
        return PacketClassDecoder(self._packet_class, self._limits)


def make_wire(packet_class: type[Packet], codec: Codec, limits: PacketLimits) -> Wire:
    """Return the format of a packet class; with ``Packet`` itself the hand-written one."""
    return Wire(packet_class, codec, limits)


def packet_class_of(serializer: str | type[Packet]) -> type[Packet]:
    """Return the packet class that the option ``serializer`` names."""
    if serializer == "default":
        return Packet
    if serializer == "msgpack":
        from ..msgpack_packet import MsgPackPacket

        return MsgPackPacket
    if isinstance(serializer, type) and issubclass(serializer, Packet):
        return serializer
    raise ValueError(f"Invalid serializer {serializer!r}")
