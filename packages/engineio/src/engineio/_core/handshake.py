"""The OPEN packet: what a server announces to a new client, and how a client reads it.

Engine.IO protocol v4, "Handshake".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exceptions import ProtocolError
from .codec import make_codec
from .message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options

MAX_DURATION_MS = 2**31 - 1
"""Longest duration a client takes from a server (24.8 days): what timers everywhere can hold."""

_codec = make_codec()


@dataclass(slots=True)
class Handshake:
    """What a server announced to this client; durations in seconds."""

    sid: str
    upgrades: list[str]
    ping_interval: float
    ping_timeout: float
    max_payload: int | None
    """Largest POST body that the server takes, in bytes; ``None`` if it did not say."""


def open_message(sid: str, upgrades: Sequence[str], options: Options) -> Message:
    """Build the OPEN packet of a new session.

    Durations are announced in whole milliseconds; the grace period is part of ``pingInterval``.
    """
    announced = {
        "sid": sid,
        "upgrades": list(upgrades),
        "pingInterval": round((options.ping_interval + options.ping_interval_grace_period) * 1000),
        "pingTimeout": round(options.ping_timeout * 1000),
        "maxPayload": options.max_http_buffer_size,
    }
    return Message(b"0" + _codec.dumps(announced))


def parse_open(data: str | bytes) -> Handshake:
    """Read an OPEN packet, type digit included.

    Durations above ``MAX_DURATION_MS`` are cut to it.  Raises ProtocolError for anything that is
    not a complete OPEN packet.
    """
    if not isinstance(data, str) or not data.startswith("0"):
        raise ProtocolError("not an OPEN packet")
    try:
        announced = _codec.loads(data[1:])
    except ValueError:
        raise ProtocolError("OPEN packet is not valid JSON") from None
    if not isinstance(announced, dict):
        raise ProtocolError("OPEN packet is not an object")
    return Handshake(
        _sid(announced.get("sid")),
        _upgrades(announced.get("upgrades")),
        _seconds(announced.get("pingInterval")),
        _seconds(announced.get("pingTimeout")),
        _max_payload(announced.get("maxPayload")),
    )


def _sid(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ProtocolError("OPEN packet without a valid sid")
    return value


def _upgrades(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ProtocolError("OPEN packet without a valid list of upgrades")
    return value


def _seconds(value: Any) -> float:
    # false for NaN, so that it is refused too
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ProtocolError("OPEN packet without valid heartbeat durations")
    return min(value, MAX_DURATION_MS) / 1000


def _max_payload(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ProtocolError("OPEN packet with an invalid maxPayload")
    return value
