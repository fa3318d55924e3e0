"""What the processes of a cluster tell each other, as JSON objects on one channel.

Wire compatible with python-socketio 5.x: the same methods, fields and base64 rules.  Two fields
are added that it passes over: ``seq``, the running number of a message of its host, and ``binary``
in a callback.  JSON is all that is ever read.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..packet import Packet, extract_attachments, insert_attachments
from .decoder import RESERVED_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..typing import Data

Fields: TypeAlias = dict[str, Any]
"""A message as JSON knows it."""

Room: TypeAlias = "str | int | float"
"""What applications use as the name of a room, and JSON can hold."""

Rooms: TypeAlias = "Room | list[Room] | None"
"""A room, several of them, or everybody."""

Call: TypeAlias = tuple[Any, str, int]
"""What an acknowledgement has to bring back: room, namespace and id."""

_CARRIERS = {"emit": "data", "callback": "args"}
"""Where there may be bytes, by method."""


@dataclass(slots=True, frozen=True)
class ReplyTo:
    """Where the acknowledgement of an event has to go."""

    host_id: str
    call: Call
    takes_binary: bool
    """Whether the originator understands bytes in an acknowledgement."""


@dataclass(slots=True)
class Emit:
    """Emit an event to the clients of a room, of several, or of the namespace."""

    event: str
    data: Data
    """As ``emit()`` takes it: a tuple is several arguments, ``None`` is none."""
    namespace: str
    room: Rooms = None
    skip_sid: str | list[str] | None = None
    call: Call | None = None
    """Given if the originator wants an acknowledgement."""
    reply_to: ReplyTo | None = None
    """The same in a message that has arrived."""

    def to_fields(self) -> Fields:
        """Return the message as a dict, without the host and with bytes as they are."""
        data = self.data
        return {
            "method": "emit",
            "event": self.event,
            "data": list(data) if isinstance(data, tuple) else [data],
            "binary": False,
            "namespace": self.namespace,
            "room": self.room,
            "skip_sid": self.skip_sid,
            "callback": self.call,
        }


@dataclass(slots=True)
class Acknowledge:
    """Tell the originator of an event how the first client has acknowledged it."""

    host_id: str
    """The originator."""
    call: Call
    args: list[Any]

    def to_fields(self) -> Fields:
        """Return the message as a dict, with bytes as they are."""
        room, namespace, id = self.call
        return {
            "method": "callback",
            "host_id": self.host_id,
            "sid": room,
            "namespace": namespace,
            "id": id,
            "args": self.args,
        }


@dataclass(slots=True)
class Disconnect:
    """Disconnect a client."""

    sid: str
    namespace: str

    def to_fields(self) -> Fields:
        """Return the message as a dict, without the host."""
        return {"method": "disconnect", "sid": self.sid, "namespace": self.namespace}


@dataclass(slots=True)
class EnterRoom:
    """Put a client into a room."""

    sid: str
    room: Room
    namespace: str

    def to_fields(self) -> Fields:
        """Return the message as a dict, without the host."""
        fields = {"sid": self.sid, "room": self.room, "namespace": self.namespace}
        return {"method": "enter_room", **fields}


@dataclass(slots=True)
class LeaveRoom:
    """Take a client out of a room."""

    sid: str
    room: Room
    namespace: str

    def to_fields(self) -> Fields:
        """Return the message as a dict, without the host."""
        fields = {"sid": self.sid, "room": self.room, "namespace": self.namespace}
        return {"method": "leave_room", **fields}


@dataclass(slots=True)
class CloseRoom:
    """Take everybody out of a room."""

    room: Room
    namespace: str

    def to_fields(self) -> Fields:
        """Return the message as a dict, without the host."""
        return {"method": "close_room", "room": self.room, "namespace": self.namespace}


ClusterMessage: TypeAlias = "Emit | Acknowledge | Disconnect | EnterRoom | LeaveRoom | CloseRoom"


def parse(fields: Any) -> ClusterMessage:
    """Return the message that a decoded JSON value stands for; ValueError if it is none."""
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    method = fields.get("method")
    if not isinstance(method, str) or method not in _READERS:
        raise ValueError("no method, or an unknown one")
    try:
        return _READERS[method](fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{method} with missing or unusable fields") from error


def spell_out_binary(fields: Fields) -> Fields:
    """Return a message in which bytes are base64 text; the same if there are none in it."""
    carrier = _CARRIERS.get(fields["method"])
    if carrier is None or not Packet.data_is_binary(fields[carrier]):
        return fields
    attachments: list[bytes] = []
    data = extract_attachments(fields[carrier], attachments)
    text = [b64encode(attachment).decode() for attachment in attachments]
    return {**fields, carrier: [data, *text], "binary": True}


def write(fields: Fields, dumps: Callable[[Any], bytes]) -> bytes:
    """Return a message as JSON; raises what ``dumps`` raises.

    It is given one value after the other, because for a ``null`` the fast codec writes all again.
    """
    parts = [
        b'"%b":%b' % (name.encode(), b"null" if value is None else dumps(value))
        for name, value in fields.items()
    ]
    return b"{%b}" % b",".join(parts)


def _emit(fields: Fields) -> Emit:
    event = fields["event"]
    if type(event) is not str or event in RESERVED_EVENTS:
        raise ValueError("not the name of an event")
    return Emit(
        event,
        _data(fields),
        _namespace(fields),
        _rooms(fields.get("room")),
        _rooms(fields.get("skip_sid")),  # type: ignore[arg-type]
        None,
        _reply_to(fields),
    )


def _reply_to(fields: Fields) -> ReplyTo | None:
    call = fields.get("callback")
    # upstream: a callback of another length is none, and the event is delivered all the same
    if not isinstance(call, list | tuple) or len(call) != 3:
        return None
    try:
        return ReplyTo(_text(fields.get("host_id")), _call(*call), fields.get("seq") is not None)
    except ValueError:
        return None


def _acknowledge(fields: Fields) -> Acknowledge:
    args = fields["args"]
    if fields.get("binary"):
        args = _binary(args)
    if not isinstance(args, list):
        raise ValueError("the values of an acknowledgement are a list")
    call = _call(fields.get("sid"), _namespace(fields), fields["id"])
    return Acknowledge(_text(fields["host_id"]), call, args)


def _disconnect(fields: Fields) -> Disconnect:
    return Disconnect(_text(fields["sid"]), _namespace(fields))


def _enter_room(fields: Fields) -> EnterRoom:
    return EnterRoom(_text(fields["sid"]), _room(fields["room"]), _namespace(fields))


def _leave_room(fields: Fields) -> LeaveRoom:
    return LeaveRoom(_text(fields["sid"]), _room(fields["room"]), _namespace(fields))


def _close_room(fields: Fields) -> CloseRoom:
    return CloseRoom(_room(fields["room"]), _namespace(fields))


_READERS: dict[str, Callable[[Fields], ClusterMessage]] = {
    "emit": _emit,
    "callback": _acknowledge,
    "disconnect": _disconnect,
    "enter_room": _enter_room,
    "leave_room": _leave_room,
    "close_room": _close_room,
}


def _data(fields: Fields) -> Data:
    data = fields.get("data")
    if fields.get("binary"):
        data = _binary(data)
    if not isinstance(data, list):
        return data
    # upstream: no arguments, and one that is null, are both [null]
    return data[0] if len(data) == 1 else tuple(data)


def _binary(value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError("bytes are told apart in a list")
    data, *text = value
    return insert_attachments(data, [b64decode(item, validate=True) for item in text])


def _namespace(fields: Fields) -> str:
    namespace = fields.get("namespace")
    return "/" if namespace is None else _text(namespace)


def _call(room: Any, namespace: Any, id: Any) -> Call:
    if type(id) is not int:
        raise ValueError("the id of an acknowledgement is a number")
    return room, _text(namespace), id


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("not a string")
    return value


def _room(value: Any) -> Room:
    if type(value) not in (str, int, float):
        raise ValueError("not a room")
    room: Room = value
    return room


def _rooms(value: Any) -> Rooms:
    if isinstance(value, list):
        return [_room(item) for item in value]
    return None if value is None else _room(value)
