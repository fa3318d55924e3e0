"""The public packet class, for applications and packages that build Engine.IO packets.

The servers and clients themselves send ``_core.message.Message`` objects.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, ClassVar

from . import json as default_json

if TYPE_CHECKING:
    from .typing import JSONModule

(OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP) = range(7)
packet_names: list[str] = ["OPEN", "CLOSE", "PING", "PONG", "MESSAGE", "UPGRADE", "NOOP"]

binary_types: tuple[type[bytes], type[bytearray]] = (bytes, bytearray)


class Packet:
    """One Engine.IO packet.

    :param packet_type: one of the constants of this module.
    :param data: ``bytes`` or ``bytearray`` (MESSAGE only), ``str``, ``list`` or ``dict`` (sent as
        JSON), anything else as ``str(data)``, or ``None`` for an empty packet.
    :param encoded_packet: decode this instead; ValueError if it is malformed.
    """

    json: ClassVar[JSONModule] = default_json
    """The default JSON module of all servers and clients; assign to replace it."""

    def __init__(
        self,
        packet_type: int = NOOP,
        data: Any = None,
        encoded_packet: str | bytes | bytearray | None = None,
    ) -> None:
        self.packet_type: int = packet_type
        self.data: Any = data
        self.binary: bool = isinstance(data, binary_types)
        self.encode_cache: str | bytes | None = None
        if self.binary and packet_type != MESSAGE:
            raise ValueError("Binary packets can only be of type MESSAGE")
        if encoded_packet is not None:
            self.decode(encoded_packet)

    def encode(self, b64: bool = False) -> str | bytes:
        """Return the packet as it travels: text, raw bytes, or with ``b64`` base64 text."""
        if self.binary:
            return "b" + b64encode(self.data).decode() if b64 else bytes(self.data)
        if self.encode_cache is None:
            self.encode_cache = f"{self.packet_type}{self._encode_text()}"
        return self.encode_cache

    def _encode_text(self) -> str:
        if self.data is None:
            return ""
        if isinstance(self.data, dict | list):
            return self.json.dumps(self.data, separators=(",", ":"))
        return str(self.data)

    def decode(self, encoded_packet: str | bytes | bytearray) -> None:
        """Fill this packet from its encoded form.

        The text of a packet that is JSON arrives parsed; numbers stay text, so that ``"12"``
        arrives as it was sent.  Raises ValueError for an empty or malformed packet.
        """
        self.encode_cache = None
        self.binary = isinstance(encoded_packet, binary_types)
        if not isinstance(encoded_packet, str):
            self.packet_type = MESSAGE
            self.data = bytes(encoded_packet)
        elif encoded_packet.startswith("b"):
            self.binary = True
            self.packet_type = MESSAGE
            self.data = b64decode(encoded_packet[1:], validate=True)
        elif encoded_packet[:1] in _DIGITS:
            self.packet_type = int(encoded_packet[0])
            self.data = decode_text(encoded_packet[1:], self.json)
        else:
            raise ValueError("Invalid packet")


_DIGITS = frozenset("0123456")


def decode_text(text: str, json: JSONModule = default_json) -> Any:
    """Return the value of a packet's text: parsed if it is JSON other than a bare number."""
    if not text or text[0].isnumeric():
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
