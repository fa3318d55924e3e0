"""The MessagePack serializer: one binary message per packet, attachments inline.

It speaks with ``socket.io-msgpack-parser``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from .packet import CONNECT, CONNECT_ERROR, DISCONNECT, Packet

try:
    import msgpack
except ModuleNotFoundError as _error:  # pragma: no cover - covered where the wheels are tested
    raise ModuleNotFoundError(
        "the msgpack serializer needs msgpack: pip install 'python-socketio[msgpack]'",
        name="msgpack",
    ) from _error

if TYPE_CHECKING:
    from collections.abc import Callable

UNDEFINED = msgpack.ExtType(0, b"\0")
"""How the JavaScript parser writes and reads ``undefined``."""


class MsgPackPacket(Packet):
    """A packet as one MessagePack map: ``type``, ``nsp``, ``data`` and ``id``."""

    packet_type: int
    namespace: str | None
    id: int | None
    data: Any

    uses_binary_events = False
    dumps_default: ClassVar[Any] = None
    ext_hook: ClassVar[Any] = staticmethod(msgpack.ExtType)

    @classmethod
    def configure(
        cls,
        dumps_default: Callable[[Any], Any] | None = None,
        ext_hook: Callable[[int, bytes], Any] = msgpack.ExtType,
    ) -> type[MsgPackPacket]:
        """Return a packet class with its own hooks, to be given as ``serializer``.

        :param dumps_default: converts values that MessagePack cannot hold.
        :param ext_hook: called with the code and the data of each extension value but
            ``undefined``; without it they stay ``msgpack.ExtType``.  The JavaScript parser writes
            a ``Date``, and under Node an ``ArrayBuffer``, as extension 0.
        """

        class CustomMsgPackPacket(MsgPackPacket):
            pass

        CustomMsgPackPacket.dumps_default = (
            None if dumps_default is None else staticmethod(dumps_default)
        )
        CustomMsgPackPacket.ext_hook = staticmethod(ext_hook)
        return CustomMsgPackPacket

    def encode(self) -> bytes:
        """Return the packet as one MessagePack map."""
        data = self.data
        # the JavaScript parser refuses null as the data of these two
        if self.packet_type == DISCONNECT:
            data = UNDEFINED
        elif self.packet_type == CONNECT and data is None:
            data = {}
        packet = {"type": self.packet_type, "data": data, "nsp": self.namespace or "/"}
        if self.id is not None:
            packet["id"] = self.id
        return cast("bytes", msgpack.dumps(packet, default=self.dumps_default))

    def decode(self, encoded_packet: Any) -> int:
        """Fill this packet from a MessagePack map; ValueError for anything else."""
        if isinstance(encoded_packet, str):
            raise ValueError("a MessagePack packet is binary")
        packet = msgpack.loads(encoded_packet, ext_hook=self._load_ext)
        if not isinstance(packet, dict):
            raise ValueError("a MessagePack packet is a map")
        packet_type, namespace, id = packet.get("type"), packet.get("nsp"), packet.get("id")
        if type(packet_type) is not int or not CONNECT <= packet_type <= CONNECT_ERROR:
            raise ValueError("unknown packet type")
        if not isinstance(namespace, str) or not namespace.startswith("/"):
            raise ValueError("invalid namespace")
        if id is not None and (type(id) is not int or id < 0):
            raise ValueError("invalid id")
        self.packet_type, self.namespace, self.id = packet_type, namespace, id
        self.data = packet.get("data")
        return 0

    def _load_ext(self, code: int, data: bytes) -> Any:
        return None if (code, data) == UNDEFINED else self.ext_hook(code, data)
