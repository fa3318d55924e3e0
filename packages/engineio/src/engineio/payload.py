"""The public payload class: several packets in one long-polling body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from .packet import Packet

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "\x1e"

MAX_DECODE_PACKETS = 16
"""Default of ``Payload.max_decode_packets``; that of python-engineio 4.x."""


class _Defaults:
    """What applies as long as nothing is assigned to ``Payload``: so that an assignment shows."""

    max_decode_packets: ClassVar[int] = MAX_DECODE_PACKETS
    """Packets that one payload may hold; assign to this attribute of ``Payload`` to change it."""


class Payload(_Defaults):
    """A list of packets.

    :param packets: the packets of this payload.
    :param encoded_payload: decode this instead; ValueError if it is malformed.
    """

    def __init__(
        self, packets: Sequence[Packet] | None = None, encoded_payload: str | None = None
    ) -> None:
        self.packets: list[Packet] = list(packets or [])
        if encoded_payload is not None:
            self.decode(encoded_payload)

    def encode(self, jsonp_index: int | None = None) -> str:
        """Return the body; with ``jsonp_index`` as a script that calls ``___eio[index]``."""
        body = SEPARATOR.join([str(packet.encode(b64=True)) for packet in self.packets])
        return body if jsonp_index is None else wrap_jsonp(body, jsonp_index)

    def decode(self, encoded_payload: str) -> None:
        """Fill this payload from a body; ValueError for a malformed one or too many packets."""
        if not encoded_payload:
            self.packets = []
            return
        packets = encoded_payload.split(SEPARATOR, self.max_decode_packets)
        if len(packets) > self.max_decode_packets:
            raise ValueError("Too many packets in payload")
        self.packets = [Packet(encoded_packet=packet) for packet in packets]


def wrap_jsonp(body: str, index: int) -> str:
    """Return a script that hands ``body`` to the JSONP callback ``index``."""
    # ASCII-only JSON is a valid JavaScript string; "<" is escaped so that no tag can be closed
    return f"___eio[{index}]({json.dumps(body)});".replace("<", "\\u003c")
