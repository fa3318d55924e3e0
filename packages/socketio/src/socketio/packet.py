"""The public packet class, for applications and packages that build Socket.IO packets.

A subclass of it, given as ``serializer``, changes the wire format; with the class itself servers
and clients use ``_core.encoder`` and ``_core.decoder``, which write and read the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from engineio import json as default_json
from engineio._core.codec import MAX_DEPTH, MAX_INT_DIGITS, make_codec

if TYPE_CHECKING:
    from engineio.typing import JSONModule

(CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK) = range(7)
packet_names: list[str] = [
    "CONNECT",
    "DISCONNECT",
    "EVENT",
    "ACK",
    "CONNECT_ERROR",
    "BINARY_EVENT",
    "BINARY_ACK",
]

Encoded: TypeAlias = "str | bytes | list[str | bytes]"

MAX_COUNT_DIGITS = 10
"""Digits of an announced number of attachments; as python-socketio 5.x."""

MAX_ID_DIGITS = 16
"""Digits of an acknowledgement id: JavaScript's ``Number.MAX_SAFE_INTEGER`` has 16."""

binary_types: tuple[type[bytes], type[bytearray], type[memoryview]] = (bytes, bytearray, memoryview)

_TYPES = frozenset(str(number) for number in range(len(packet_names)))


class Packet:
    """One Socket.IO packet.

    :param packet_type: one of the constants of this module.
    :param data: what JSON can hold, and ``bytes`` anywhere in lists, tuples and dict values.
    :param namespace: ``None`` or ``/`` for the default namespace.
    :param id: acknowledgement id.
    :param binary: whether ``data`` holds bytes; ``None`` looks for them.  ValueError if it does
        in a packet that is neither an event nor an acknowledgement.
    :param encoded_packet: decode this instead; ValueError if it is malformed.
    """

    uses_binary_events: ClassVar[bool] = True
    json: ClassVar[JSONModule] = default_json
    """The default JSON module of all servers and clients; assign to replace it."""
    max_json_depth: int = MAX_DEPTH
    """Nested lists and objects that ``decode`` accepts; servers and clients set it."""
    max_json_int_digits: int = MAX_INT_DIGITS
    """Digits of an integer that ``decode`` accepts, likewise."""

    def __init__(
        self,
        packet_type: int = EVENT,
        data: Any = None,
        namespace: str | None = None,
        id: int | None = None,
        binary: bool | None = None,
        encoded_packet: Any = None,
    ) -> None:
        self.packet_type: int = packet_type
        self.data: Any = data
        self.namespace = namespace
        self.id = id
        self.attachment_count: int = 0
        self.attachments: list[bytes] = []
        if encoded_packet is not None:
            self.attachment_count = self.decode(encoded_packet) or 0
        elif self.uses_binary_events and (self.data_is_binary(data) if binary is None else binary):
            if packet_type == EVENT:
                self.packet_type = BINARY_EVENT
            elif packet_type == ACK:
                self.packet_type = BINARY_ACK
            else:
                raise ValueError("Packet does not support binary payload.")

    def encode(self) -> Encoded:
        """Return the text of the packet, or a list of the text and the attachments."""
        data = self.data
        attachments: list[bytes] | None = None
        encoded = str(self.packet_type)
        if self.packet_type in (BINARY_EVENT, BINARY_ACK):
            data, attachments = self.deconstruct_binary(data)
            encoded += f"{len(attachments)}-"
        if self.namespace is not None and self.namespace != "/":
            encoded += self.namespace + ","
        if self.id is not None:
            encoded += str(self.id)
        if data is not None:
            encoded += self.json.dumps(data, separators=(",", ":"))
        return encoded if attachments is None else [encoded, *attachments]

    def decode(self, encoded_packet: Any) -> int:
        """Fill this packet from its text; return how many attachments are to follow.

        ValueError for a malformed packet, and for an event or acknowledgement whose data is not
        what the protocol demands.
        """
        if not isinstance(encoded_packet, str) or encoded_packet[:1] not in _TYPES:
            raise ValueError("unknown packet type")
        self.packet_type = int(encoded_packet[0])
        rest = encoded_packet[1:]
        attachments = 0
        if self.packet_type in (BINARY_EVENT, BINARY_ACK):
            count, dash, _ = rest[: MAX_COUNT_DIGITS + 1].partition("-")
            if not (dash and count.isascii() and count.isdigit()):
                raise ValueError("a binary packet without the number of its attachments")
            attachments = int(count)
            rest = rest[len(count) + 1 :]
        self.namespace = None
        if rest.startswith("/"):
            namespace, _, rest = rest.partition(",")
            self.namespace = namespace.partition("?")[0]
        number = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if len(number) > MAX_ID_DIGITS:
            raise ValueError("acknowledgement id too long")
        self.id = int(number) if number else None
        rest = rest[len(number) :]
        self.data = self._loads(rest) if rest else None
        if self.packet_type in (EVENT, BINARY_EVENT):
            if not (isinstance(self.data, list) and self.data and isinstance(self.data[0], str)):
                raise ValueError("an event is a list that starts with its name")
        elif self.packet_type in (ACK, BINARY_ACK) and not isinstance(self.data, list):
            raise ValueError("an acknowledgement is a list")
        return attachments

    def _loads(self, text: str) -> Any:
        codec = make_codec(
            None if self.json is default_json else self.json,
            max_depth=self.max_json_depth,
            max_int_digits=self.max_json_int_digits,
        )
        return codec.loads(text)

    def add_attachment(self, attachment: bytes) -> bool:
        """Take the next attachment; True once the packet is complete.

        ValueError for one that was not announced or that no placeholder stands for.
        """
        if self.attachment_count <= len(self.attachments):
            raise ValueError("Unexpected binary attachment")
        self.attachments.append(attachment)
        if self.attachment_count > len(self.attachments):
            return False
        self.data = self.reconstruct_binary(self.data, self.attachments)
        return True

    @classmethod
    def data_is_binary(cls, data: Any) -> bool:
        """Whether there are bytes anywhere in lists, tuples and dict values."""
        if isinstance(data, binary_types):
            return True
        if isinstance(data, list | tuple):
            return any(cls.data_is_binary(item) for item in data)
        if isinstance(data, dict):
            return any(cls.data_is_binary(item) for item in data.values())
        return False

    @classmethod
    def deconstruct_binary(cls, data: Any) -> tuple[Any, list[bytes]]:
        """Return the data with placeholders for its bytes, and the bytes."""
        attachments: list[bytes] = []
        return extract_attachments(data, attachments), attachments

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        """Return the data with its placeholders replaced; ValueError for an invalid one."""
        return insert_attachments(data, attachments)


def extract_attachments(data: Any, attachments: list[bytes]) -> Any:
    """Replace bytes by placeholders, in the order of a traversal, and collect them."""
    if isinstance(data, binary_types):
        attachments.append(bytes(data))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(data, list | tuple):
        return [extract_attachments(item, attachments) for item in data]
    if isinstance(data, dict):
        return {key: extract_attachments(item, attachments) for key, item in data.items()}
    return data


def insert_attachments(data: Any, attachments: list[bytes]) -> Any:
    """Replace placeholders by what they stand for; ValueError for an invalid one.

    Each attachment has one placeholder at most: a small packet must not stand for a large one.
    """
    return _insert(data, dict(enumerate(attachments)))


def _insert(data: Any, attachments: dict[int, bytes]) -> Any:
    if isinstance(data, list):
        return [_insert(item, attachments) for item in data]
    if isinstance(data, dict):
        if data.get("_placeholder") is True:
            number = data.get("num")
            if type(number) is not int or number not in attachments:
                raise ValueError("invalid placeholder")
            return attachments.pop(number)
        return {key: _insert(item, attachments) for key, item in data.items()}
    return data
