"""Long-polling payloads: packets joined by the record separator, binary as base64."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from ..exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .message import Message

SEPARATOR = "\x1e"


def join_payload(messages: Iterable[Message]) -> bytes:
    """Join messages into one long-polling response body."""
    return b"\x1e".join([message.polling for message in messages])


def split_payload(body: bytes, max_packets: int) -> list[str | bytes]:
    """Split a POST body into encoded packets: text as it is, base64 as ``bytes``.

    Raises ProtocolError for invalid UTF-8, invalid base64, an empty packet, or more than
    ``max_packets`` packets.
    """
    try:
        packets = body.decode().split(SEPARATOR, max_packets)
    except UnicodeDecodeError:
        raise ProtocolError("payload is not valid UTF-8") from None
    if len(packets) > max_packets:
        raise ProtocolError(f"more than {max_packets} packets in one payload", 413)
    return [_binary(packet) if packet.startswith("b") else packet for packet in packets]


def unwrap_jsonp(body: bytes) -> bytes:
    """Return the payload of a JSONP form POST, ``d=<payload, percent-encoded>``.

    A JSONP client escapes line feeds, which a form would change, as ``\\n``.
    """
    form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    data = form.get("d")
    if data is None:
        raise ProtocolError("the form has no field d")
    return re.sub(r"(\\)?\\n", lambda match: match[0][1:] if match[1] else "\n", data[0]).encode()


def _binary(packet: str) -> bytes:
    try:
        return b64decode(packet[1:], validate=True)
    except ValueError:
        raise ProtocolError("binary packet is not valid base64") from None
