"""Socket.IO packets as Engine.IO messages, each event encoded once.

hot path: one ``event`` per emit, one ``ack`` per acknowledged event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from engineio._core.message import Message

from ..packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet, extract_attachments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engineio._core.codec import Codec


UNWRITABLE = (TypeError, ValueError, RecursionError)
"""What ``dumps`` raises: for types that JSON does not know, lists that contain themselves, and
lists that nest too deeply."""


class Encoder(Protocol):
    """Encodes packets; a packet with attachments is several messages, to be sent as one unit.

    All methods raise TypeError for data that cannot be written, whatever the reason: its type, a
    list that contains itself, a string that is not Unicode.
    """

    def event(self, namespace: str, args: Sequence[Any], id: int | None = None) -> list[Message]:
        """Encode an event; ``args[0]`` is its name."""
        ...

    def ack(self, namespace: str, id: int, args: Sequence[Any]) -> list[Message]:
        """Encode the answer to the event with this id."""
        ...

    def connect(self, namespace: str, data: Any = None) -> list[Message]:
        """Encode a request to join a namespace, or its acceptance."""
        ...

    def disconnect(self, namespace: str) -> list[Message]:
        """Encode the end of a namespace."""
        ...

    def connect_error(self, namespace: str, data: Any) -> list[Message]:
        """Encode the refusal of a namespace."""
        ...


class DefaultEncoder:
    """The text format of Socket.IO protocol revision 5."""

    __slots__ = ("_dumps",)

    def __init__(self, codec: Codec) -> None:
        self._dumps = dumps_without_bytes(codec)

    def event(self, namespace: str, args: Sequence[Any], id: int | None = None) -> list[Message]:
        """Encode an event."""
        head = b"" if namespace == "/" else namespace.encode() + b","
        if id is not None:
            head += b"%d" % id
        try:
            return [Message(b"42" + head + self._dumps(args))]
        except UNWRITABLE as error:
            return self._with_attachments(b"45%d-", head, args, error)

    def ack(self, namespace: str, id: int, args: Sequence[Any]) -> list[Message]:
        """Encode an acknowledgement."""
        head = b"%d" % id if namespace == "/" else b"%b,%d" % (namespace.encode(), id)
        try:
            return [Message(b"43" + head + self._dumps(args))]
        except UNWRITABLE as error:
            return self._with_attachments(b"46%d-", head, args, error)

    def connect(self, namespace: str, data: Any = None) -> list[Message]:
        """Encode a CONNECT packet."""
        return self._control(b"40", namespace, data)

    def disconnect(self, namespace: str) -> list[Message]:
        """Encode a DISCONNECT packet."""
        return self._control(b"41", namespace, None)

    def connect_error(self, namespace: str, data: Any) -> list[Message]:
        """Encode a CONNECT_ERROR packet."""
        return self._control(b"44", namespace, data)

    def _with_attachments(
        self, kind: bytes, head: bytes, args: Sequence[Any], refusal: Exception
    ) -> list[Message]:
        """Encode what the codec has refused: only now is it worth looking for bytes."""
        if not isinstance(refusal, TypeError):
            raise TypeError(str(refusal)) from refusal
        attachments: list[bytes] = []
        try:
            data = extract_attachments(args, attachments)
            if not attachments:
                raise refusal
            text = self._dumps(data)
        except TypeError:
            raise
        except UNWRITABLE as error:
            raise TypeError(str(error)) from error
        messages = [Message(kind % len(attachments) + head + text)]
        messages += [Message(attachment, binary=True) for attachment in attachments]
        return messages

    def _control(self, kind: bytes, namespace: str, data: Any) -> list[Message]:
        # servers of the JavaScript implementation expect the comma also where nothing follows
        head = kind if namespace == "/" else kind + namespace.encode() + b","
        try:
            return [Message(head if data is None else head + self._dumps(data))]
        except TypeError:
            raise
        except UNWRITABLE as error:
            raise TypeError(str(error)) from error


def dumps_without_bytes(codec: Codec) -> Callable[[Any], bytes]:
    """Return ``codec.dumps``, made to raise TypeError for bytes where it does not by itself."""
    return codec.dumps if _refuses_bytes(codec) else _refusing_bytes(codec)


def _refuses_bytes(codec: Codec) -> bool:
    for value in (b"", bytearray(), memoryview(b"")):
        try:
            codec.dumps([value])
        except Exception:  # whatever a JSON module of the application raises
            continue
        return False
    return True


def _refusing_bytes(codec: Codec) -> Callable[[Any], bytes]:
    """Return ``dumps`` for a JSON module that has its own way with bytes (``default=str``).

    They are to travel as attachments all the same.
    """

    def dumps(value: Any) -> bytes:
        if Packet.data_is_binary(value):
            raise TypeError("bytes are not JSON")
        return codec.dumps(value)

    return dumps


class PacketClassEncoder:
    """Any format that a subclass of ``Packet`` implements."""

    __slots__ = ("_packet_class",)

    def __init__(self, packet_class: type[Packet]) -> None:
        self._packet_class = packet_class

    def event(self, namespace: str, args: Sequence[Any], id: int | None = None) -> list[Message]:
        """Encode an event."""
        return self._encode(EVENT, namespace, list(args), id)

    def ack(self, namespace: str, id: int, args: Sequence[Any]) -> list[Message]:
        """Encode an acknowledgement."""
        return self._encode(ACK, namespace, list(args), id)

    def connect(self, namespace: str, data: Any = None) -> list[Message]:
        """Encode a CONNECT packet."""
        return self._encode(CONNECT, namespace, data)

    def disconnect(self, namespace: str) -> list[Message]:
        """Encode a DISCONNECT packet."""
        return self._encode(DISCONNECT, namespace, None)

    def connect_error(self, namespace: str, data: Any) -> list[Message]:
        """Encode a CONNECT_ERROR packet."""
        return self._encode(CONNECT_ERROR, namespace, data)

    def _encode(
        self, packet_type: int, namespace: str, data: Any, id: int | None = None
    ) -> list[Message]:
        try:
            return to_messages(self._packet_class(packet_type, data, namespace, id))
        except TypeError:
            raise
        except Exception as error:  # whatever a serializer of the application raises
            raise TypeError(f"data that cannot be encoded: {error}") from error


def to_messages(packet: Packet) -> list[Message]:
    """Return what ``packet.encode()`` gives as messages."""
    encoded = packet.encode()
    parts = encoded if isinstance(encoded, list) else [encoded]
    return [
        Message(b"4" + part.encode())
        if isinstance(part, str)
        else Message(bytes(part), binary=True)
        for part in parts
    ]
