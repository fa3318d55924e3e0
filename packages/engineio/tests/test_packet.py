from __future__ import annotations

import json as standard
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engineio import json, packet
from engineio.packet import Packet

json_containers = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
).filter(lambda value: isinstance(value, list | dict))


def _is_read_as_something_else(text: str) -> bool:
    """Whether text looks like JSON, which arrives parsed: the documented exception."""
    try:
        standard.loads(text)
    except ValueError:
        return False
    return not text[0].isnumeric()


def test_the_constants_are_those_of_the_protocol() -> None:
    names = {number: name for number, name in enumerate(packet.packet_names)}

    assert names == {0: "OPEN", 1: "CLOSE", 2: "PING", 3: "PONG", 4: "MESSAGE", 5: "UPGRADE",
                     6: "NOOP"}  # fmt: skip
    assert all(getattr(packet, name) == number for number, name in names.items())
    assert packet.binary_types == (bytes, bytearray)


def test_a_new_packet_is_a_noop() -> None:
    created = Packet()

    assert (created.packet_type, created.data, created.binary) == (packet.NOOP, None, False)
    assert created.encode_cache is None
    assert created.encode() == "6"


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        ("text", "4text"),
        ("", "4"),
        (None, "4"),
        ({"a": [1, "b"]}, '4{"a":[1,"b"]}'),
        ([], "4[]"),
        (12, "412"),
        (True, "4True"),
        (1.5, "41.5"),
    ],
)
def test_text_and_json_encode_in_the_same_way_for_both_transports(data: Any, encoded: str) -> None:
    assert Packet(packet.MESSAGE, data).encode() == encoded
    assert Packet(packet.MESSAGE, data).encode(b64=True) == encoded


@pytest.mark.parametrize("data", [b"\x00\xff", bytearray(b"\x00\xff")])
@pytest.mark.parametrize("first", [False, True])
def test_one_binary_packet_can_be_sent_on_both_transports(data: Any, first: bool) -> None:
    shared = Packet(packet.MESSAGE, data)

    for b64 in (first, not first, first):
        assert shared.encode(b64=b64) == ("bAP8=" if b64 else b"\x00\xff")
    assert shared.binary


def test_a_packet_is_encoded_once() -> None:
    data: list[int] = []
    created = Packet(packet.MESSAGE, data)

    assert created.encode() is created.encode()


@pytest.mark.parametrize("kind", set(range(7)) - {packet.MESSAGE})
def test_only_messages_can_be_binary(kind: int) -> None:
    with pytest.raises(ValueError, match="MESSAGE"):
        Packet(kind, b"data")


@pytest.mark.parametrize(
    ("encoded", "kind", "data"),
    [
        ("0{}", packet.OPEN, {}),
        ("1", packet.CLOSE, ""),
        ("2probe", packet.PING, "probe"),
        ("3probe", packet.PONG, "probe"),
        ("5", packet.UPGRADE, ""),
        ("6", packet.NOOP, ""),
        ('4"a"', packet.MESSAGE, "a"),
        ("4true", packet.MESSAGE, True),
        ("4null", packet.MESSAGE, None),
        ("4-5", packet.MESSAGE, -5),
        ("412", packet.MESSAGE, "12"),
        ("412a", packet.MESSAGE, "12a"),
        ("4\u00b2", packet.MESSAGE, "\u00b2"),
        ("4 12", packet.MESSAGE, 12),
        ('4{"a":', packet.MESSAGE, '{"a":'),
        ("4[" + "1" * 101 + "]", packet.MESSAGE, "[" + "1" * 101 + "]"),
        ("4" + "[" * 100_000, packet.MESSAGE, "[" * 100_000),
        ("bAP8=", packet.MESSAGE, b"\x00\xff"),
        ("b", packet.MESSAGE, b""),
        (b"4a", packet.MESSAGE, b"4a"),
        (bytearray(b"a"), packet.MESSAGE, b"a"),
    ],
)
def test_a_packet_decodes(encoded: Any, kind: int, data: Any) -> None:
    decoded = Packet(encoded_packet=encoded)

    assert (decoded.packet_type, decoded.data) == (kind, data)
    assert type(decoded.data) is type(data)
    assert decoded.binary is isinstance(data, bytes)


@pytest.mark.parametrize(
    "encoded", ["", "7", "8", "9", "-1", "\u00b2", "\u0664a", "abc", "B", " 4"]
)
def test_an_invalid_type_is_refused(encoded: str) -> None:
    with pytest.raises(ValueError, match="Invalid packet"):
        Packet(encoded_packet=encoded)


@pytest.mark.parametrize("encoded", ["bA", "b!!!!", "bAA\u00e4="])
def test_invalid_base64_is_refused(encoded: str) -> None:
    with pytest.raises(ValueError):
        Packet(encoded_packet=encoded)


def test_decoding_replaces_what_was_encoded() -> None:
    reused = Packet(packet.MESSAGE, "old")
    reused.encode()

    reused.decode("4new")

    assert reused.encode() == "4new"


def test_the_json_object_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Packet.json is json
    other = SimpleNamespace(dumps=lambda data, separators: "written", loads=lambda text: "read")
    monkeypatch.setattr(Packet, "json", other)

    assert Packet(packet.MESSAGE, []).encode() == "4written"
    assert Packet(encoded_packet="4[]").data == "read"


@given(st.binary())
def test_binary_survives_both_transports(data: bytes) -> None:
    sent = Packet(packet.MESSAGE, data)

    assert Packet(encoded_packet=sent.encode()).data == data
    assert Packet(encoded_packet=sent.encode(b64=True)).data == data


@given(json_containers)
def test_json_survives(data: Any) -> None:
    assert Packet(encoded_packet=Packet(packet.MESSAGE, data).encode()).data == data


@given(st.text())
def test_text_survives_unless_it_looks_like_json(text: str) -> None:
    decoded = Packet(encoded_packet=Packet(packet.MESSAGE, text).encode()).data

    assert decoded == text or _is_read_as_something_else(text)


@given(st.text() | st.from_regex(r"[0-9b].*"))
@example("4NaN")
@example("4\ud800")
def test_any_text_decodes_or_is_refused(text: str) -> None:
    try:
        decoded = Packet(encoded_packet=text)
    except ValueError:
        return
    assert decoded.packet_type in range(7)
