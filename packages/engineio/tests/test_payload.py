from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.packet import MESSAGE, PONG, Packet
from engineio.payload import Payload


def _contents(payload: Payload) -> list[tuple[int, object]]:
    return [(packet.packet_type, packet.data) for packet in payload.packets]


def test_an_empty_payload_has_no_packets() -> None:
    assert Payload().packets == []
    assert Payload().encode() == ""
    assert Payload(encoded_payload="").packets == []


def test_packets_are_joined_with_binary_as_base64() -> None:
    packets = [Packet(MESSAGE, "a"), Packet(MESSAGE, b"\x00\xff"), Packet(PONG)]

    assert Payload(packets).encode() == "4a\x1ebAP8=\x1e3"


def test_a_payload_decodes() -> None:
    payload = Payload(encoded_payload='4a\x1ebAP8=\x1e4{"b":1}')

    assert _contents(payload) == [(MESSAGE, "a"), (MESSAGE, b"\x00\xff"), (MESSAGE, {"b": 1})]


def test_decoding_replaces_the_packets() -> None:
    payload = Payload([Packet()])

    payload.decode("")

    assert payload.packets == []


def test_too_many_packets_are_refused() -> None:
    assert len(Payload(encoded_payload="\x1e".join(["4"] * 16)).packets) == 16
    with pytest.raises(ValueError, match="Too many"):
        Payload(encoded_payload="\x1e".join(["4"] * 17))


def test_the_limit_is_read_at_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Payload, "max_decode_packets", 1)

    assert len(Payload(encoded_payload="4").packets) == 1
    with pytest.raises(ValueError, match="Too many"):
        Payload(encoded_payload="4\x1e4")


@pytest.mark.parametrize("encoded", ["\x1e", "4a\x1e", "4a\x1e9", "bA"])
def test_an_invalid_packet_is_refused(encoded: str) -> None:
    with pytest.raises(ValueError):
        Payload(encoded_payload=encoded)


def test_jsonp_is_a_script_that_cannot_be_broken_out_of() -> None:
    text = 'a"b\\c\nd\u2028e</script>'

    script = Payload([Packet(MESSAGE, text)]).encode(jsonp_index=7)

    assert script.startswith("___eio[7](") and script.endswith(");")
    assert json.loads(script[len("___eio[7](") : -len(");")]) == "4" + text
    assert script.isascii() and "<" not in script and "\n" not in script


@given(st.lists(st.binary(), min_size=1, max_size=16))
def test_binary_packets_survive(items: list[bytes]) -> None:
    sent = Payload([Packet(MESSAGE, item) for item in items])

    received = Payload(encoded_payload=sent.encode())

    assert [packet.data for packet in received.packets] == items


@given(st.text() | st.lists(st.from_regex(r"[0-9b].*")).map("\x1e".join))
def test_any_text_decodes_or_is_refused(text: str) -> None:
    try:
        payload = Payload(encoded_payload=text)
    except ValueError:
        return
    assert len(payload.packets) <= Payload.max_decode_packets
