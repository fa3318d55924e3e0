"""Engine.IO messages to Socket.IO packets, with everything checked that the protocol demands.

hot path: ``DefaultDecoder.feed`` runs once per incoming message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engineio._core.codec import MAX_DEPTH, MAX_INT_DIGITS
from engineio.exceptions import ProtocolError

from ..packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MAX_COUNT_DIGITS,
    MAX_ID_DIGITS,
    insert_attachments,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._core.codec import Codec

    from ..packet import Packet

MAX_ATTACHMENTS = 100
"""Default limit of attachments in a packet; the official server takes 10, python-socketio any
number: enough for the second to stay compatible."""

MAX_ATTACHMENT_BYTES = 100_000_000
"""Default limit of the attachments of one packet together, bytes: ``MAX_ATTACHMENTS`` messages of
Engine.IO's default size."""

MAX_NAMESPACE_LENGTH = 512
"""Characters of the longest namespace name that is accepted."""

RESERVED_EVENTS = frozenset(
    (
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        "__disconnect_final",
    )
)
"""Names that no packet may carry as an event: the list of the official implementation, and the
event with which our clients tell themselves that a connection has ended for good."""


@dataclass(slots=True)
class PacketLimits:
    """What a decoder accepts."""

    max_attachments: int = MAX_ATTACHMENTS
    max_attachment_bytes: int = MAX_ATTACHMENT_BYTES
    max_json_depth: int = MAX_DEPTH
    max_json_int_digits: int = MAX_INT_DIGITS


class Inbound:
    """A decoded packet.

    ``type`` is CONNECT, DISCONNECT, EVENT, ACK or CONNECT_ERROR.  ``data`` is a list that starts
    with the event's name for EVENT, a list for ACK, ``None`` for DISCONNECT, else any JSON value.
    """

    __slots__ = ("data", "id", "namespace", "type")

    def __init__(self, type: int, namespace: str, id: int | None, data: Any) -> None:
        self.type: int = type
        self.namespace: str = namespace
        self.id: int | None = id
        self.data: Any = data


class Decoder(Protocol):
    """Decodes the messages of one connection, in order."""

    @property
    def waiting(self) -> bool:
        """True while attachments of a packet are outstanding."""
        ...

    def feed(self, data: str | bytes) -> Inbound | None:
        """Take one message; return a packet, or ``None`` while attachments are outstanding.

        Raises ProtocolError for anything that is not a valid packet.
        """
        ...


class DefaultDecoder:
    """The text format of Socket.IO protocol revision 5."""

    __slots__ = ("_attachments", "_expected", "_limits", "_loads", "_partial", "_size")

    def __init__(self, codec: Codec, limits: PacketLimits) -> None:
        self._loads = codec.loads
        self._limits = limits
        self._partial: Inbound | None = None
        self._expected = 0
        self._size = 0
        self._attachments: list[bytes] = []

    @property
    def waiting(self) -> bool:
        """True while attachments are outstanding."""
        return self._partial is not None

    def feed(self, data: str | bytes) -> Inbound | None:
        """Take one message."""
        if self._partial is not None:
            return self._attach(self._partial, data)
        if type(data) is not str:
            raise ProtocolError("an attachment that was not announced")
        try:
            if data[:2] == "2[":  # by far the most frequent packet
                args = self._loads(data[1:])
                if args and type(args[0]) is str and args[0] not in RESERVED_EVENTS:
                    return Inbound(EVENT, "/", None, args)
                return _event("/", None, args)
            if data[:1] in _FREQUENT and (packet := self._frequent(data)) is not None:
                return packet
            return self._packet(data)
        except ProtocolError:
            raise
        except ValueError as error:
            raise ProtocolError(f"invalid JSON: {error}") from None

    def _frequent(self, text: str) -> Inbound | None:
        """Decode an EVENT or ACK by what precedes its ``[``; ``None`` if that is unusual."""
        start = text.find("[", 1, MAX_NAMESPACE_LENGTH)
        if start < 0:
            return None
        namespace, digits = "/", text[1:start]
        if not digits.isdigit():
            namespace, comma, digits = digits.partition(",")
            if not comma or namespace[:1] != "/" or "?" in namespace:
                return None
        id = None
        if digits:
            if len(digits) > MAX_ID_DIGITS or not (digits.isascii() and digits.isdigit()):
                return None
            id = int(digits)
        args = self._loads(text[start:])
        if text[0] == "3":
            return _ack(namespace, id, args)
        if args and type(args[0]) is str and args[0] not in RESERVED_EVENTS:
            return Inbound(EVENT, namespace, id, args)
        return _event(namespace, id, args)

    def _packet(self, text: str) -> Inbound | None:
        make = _MAKERS.get(text[:1])
        if make is None:
            raise ProtocolError("unknown packet type")
        position = 1
        expected = 0
        if text[0] in _BINARY:
            dash = text.find("-", 1, MAX_COUNT_DIGITS + 2)
            expected = self._count(text[1:dash] if dash > 0 else "")
            position = dash + 1
        namespace = "/"
        if text.startswith("/", position):
            comma = text.find(",", position, position + MAX_NAMESPACE_LENGTH + 1)
            end = comma if comma > 0 else len(text)
            namespace = text[position:end]
            position = end + 1
            if len(namespace) > MAX_NAMESPACE_LENGTH:
                raise ProtocolError("namespace too long")
            if "?" in namespace:  # older clients append their query
                namespace = namespace[: namespace.index("?")]
        id, position = _id(text, position)
        data = self._loads(text[position:]) if position < len(text) else None
        packet = make(namespace, id, data)
        if expected == 0:
            return packet
        self._partial = packet
        self._expected = expected
        return None

    def _count(self, digits: str) -> int:
        if not (digits.isdigit() and digits.isascii()):
            raise ProtocolError("a binary packet without the number of its attachments")
        count = int(digits)
        if count > self._limits.max_attachments:
            raise ProtocolError("too many attachments")
        return count

    def _attach(self, packet: Inbound, data: str | bytes) -> Inbound | None:
        if isinstance(data, str):
            raise ProtocolError("text where an attachment is expected")
        self._attachments.append(data)
        self._size += len(data)
        if self._size > self._limits.max_attachment_bytes:
            raise ProtocolError("attachments too large", 413)
        if len(self._attachments) < self._expected:
            return None
        attachments, self._attachments = self._attachments, []
        self._partial = None
        self._size = 0
        try:
            packet.data = insert_attachments(packet.data, attachments)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
        return packet


class PacketClassDecoder:
    """Any format that a subclass of ``Packet`` implements."""

    __slots__ = ("_limits", "_packet_class", "_partial", "_size")

    def __init__(self, packet_class: type[Packet], limits: PacketLimits) -> None:
        self._packet_class = packet_class
        self._limits = limits
        self._partial: Packet | None = None
        self._size = 0

    @property
    def waiting(self) -> bool:
        """True while attachments are outstanding."""
        return self._partial is not None

    def feed(self, data: str | bytes) -> Inbound | None:
        """Take one message."""
        try:
            packet = self._partial
            if packet is None:
                packet = self._decode(data)
                if packet.attachment_count > self._limits.max_attachments:
                    raise ProtocolError("too many attachments")
                if packet.attachment_count > 0:
                    self._partial = packet
                    return None
            elif not self._attach(packet, data):
                return None
            namespace = packet.namespace or "/"
            if len(namespace) > MAX_NAMESPACE_LENGTH:
                raise ProtocolError("namespace too long")
            return _MAKERS[str(packet.packet_type)](namespace, packet.id, packet.data)
        except ProtocolError:
            raise
        except Exception as error:  # whatever a serializer of the application raises
            raise ProtocolError(f"invalid packet: {error}") from error

    def _decode(self, data: str | bytes) -> Packet:
        limits = self._limits
        packet = self._packet_class.__new__(self._packet_class)
        packet.max_json_depth = limits.max_json_depth
        packet.max_json_int_digits = limits.max_json_int_digits
        packet.__init__(encoded_packet=data)  # type: ignore[misc]
        # each level takes at least one byte; a format may know nothing of the limit
        if len(data) > limits.max_json_depth and _is_too_deep(packet.data, limits.max_json_depth):
            raise ProtocolError("data nested too deep")
        return packet

    def _attach(self, packet: Packet, data: str | bytes) -> bool:
        if isinstance(data, str):
            raise ProtocolError("text where an attachment is expected")
        self._size += len(data)
        if self._size > self._limits.max_attachment_bytes:
            raise ProtocolError("attachments too large", 413)
        if not packet.add_attachment(data):
            return False
        self._partial = None
        self._size = 0
        return True


_NESTING = (list, tuple, dict)
_FREQUENT = frozenset((str(EVENT), str(ACK)))
_BINARY = frozenset((str(BINARY_EVENT), str(BINARY_ACK)))


def _is_too_deep(data: Any, max_depth: int) -> bool:
    """Whether lists and dicts are nested deeper than that."""
    level = [data]
    for _ in range(max_depth + 1):
        level = [value for value in level if isinstance(value, _NESTING)]
        if not level:
            return False
        level = [
            item
            for value in level
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return True


def _id(text: str, start: int) -> tuple[int | None, int]:
    """Return the id that begins at ``start``, and where it ends."""
    head = text[start : start + MAX_ID_DIGITS + 1]
    digits = len(head) - len(head.lstrip("0123456789"))
    if digits > MAX_ID_DIGITS:
        raise ProtocolError("acknowledgement id too long")
    return (int(head[:digits]) if digits else None), start + digits


def _event(namespace: str, id: int | None, data: Any) -> Inbound:
    if type(data) is not list or not data or type(data[0]) is not str:
        raise ProtocolError("an event is a list that starts with its name")
    if data[0] in RESERVED_EVENTS:
        raise ProtocolError("a reserved event name")
    return Inbound(EVENT, namespace, id, data)


def _ack(namespace: str, id: int | None, data: Any) -> Inbound:
    if type(data) is not list or id is None:
        raise ProtocolError("an acknowledgement is a list with an id")
    return Inbound(ACK, namespace, id, data)


def _connect(namespace: str, id: int | None, data: Any) -> Inbound:
    return Inbound(CONNECT, namespace, None, data)


def _connect_error(namespace: str, id: int | None, data: Any) -> Inbound:
    return Inbound(CONNECT_ERROR, namespace, None, data)


def _disconnect(namespace: str, id: int | None, data: Any) -> Inbound:
    return Inbound(DISCONNECT, namespace, None, None)


_MAKERS: dict[str, Callable[[str, int | None, Any], Inbound]] = {
    str(CONNECT): _connect,
    str(DISCONNECT): _disconnect,
    str(EVENT): _event,
    str(ACK): _ack,
    str(CONNECT_ERROR): _connect_error,
    str(BINARY_EVENT): _event,
    str(BINARY_ACK): _ack,
}
