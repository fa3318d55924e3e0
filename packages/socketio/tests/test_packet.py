from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_support import as_received, binary, namespaces, values

from engineio import json as default_json
from socketio.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
    packet_names,
)

PLACEHOLDER = '{"_placeholder":true,"num":0}'


def fields(packet: Packet) -> tuple[int, str | None, int | None, Any]:
    return packet.packet_type, packet.namespace, packet.id, packet.data


def decoded(parts: Any) -> Packet:
    """Return the packet that was encoded as text, or as a text and attachments."""
    text, *attachments = parts if isinstance(parts, list) else [parts]
    packet = Packet(encoded_packet=text)
    for attachment in attachments:
        packet.add_attachment(attachment)
    return packet


def test_the_constants_are_those_of_the_protocol() -> None:
    kinds = [CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK]

    assert kinds == list(range(7))
    assert [packet_names[kind] for kind in (EVENT, BINARY_ACK)] == ["EVENT", "BINARY_ACK"]
    assert len(packet_names) == len(kinds)


def test_a_new_packet_is_an_empty_event() -> None:
    packet = Packet()

    assert fields(packet) == (EVENT, None, None, None)
    assert (packet.attachment_count, packet.attachments) == (0, [])
    assert Packet.uses_binary_events
    assert Packet.json is default_json


@pytest.mark.parametrize(
    ("packet", "encoded"),
    [
        (Packet(CONNECT), "0"),
        (Packet(CONNECT, None, "/chat"), "0/chat,"),
        (Packet(CONNECT, {"sid": "x"}, "/"), '0{"sid":"x"}'),
        (Packet(DISCONNECT, namespace="/chat"), "1/chat,"),
        (Packet(EVENT, ["a", {"b": 1}]), '2["a",{"b":1}]'),
        (Packet(EVENT, ["a"], "/chat", 0), '2/chat,0["a"]'),
        (Packet(ACK, [], id=12), "312[]"),
        (Packet(CONNECT_ERROR, "no", "/chat"), '4/chat,"no"'),
        (Packet(EVENT, ["a", b"x"]), ["51-" + f'["a",{PLACEHOLDER}]', b"x"]),
        (Packet(ACK, [b"x"], "/chat", 3), [f"61-/chat,3[{PLACEHOLDER}]", b"x"]),
        (Packet(EVENT, ["a"], binary=True), ['50-["a"]']),
    ],
)
def test_encoding(packet: Packet, encoded: Any) -> None:
    assert packet.encode() == encoded


@pytest.mark.parametrize(
    ("value", "is_binary"),
    [
        (b"", True),
        (bytearray(), True),
        (memoryview(b""), True),
        (["a", {"k": [b""]}], True),
        (("a", (b"",)), True),
        ({"k": ({"k": b""},)}, True),
        ("text", False),
        ({"k": ["text", (None, 1)]}, False),
        (None, False),
    ],
)
def test_bytes_are_found_in_lists_tuples_and_dict_values(value: Any, is_binary: bool) -> None:
    assert Packet.data_is_binary(value) is is_binary
    assert Packet(EVENT, ["a", value]).packet_type == (BINARY_EVENT if is_binary else EVENT)
    assert Packet(ACK, [value]).packet_type == (BINARY_ACK if is_binary else ACK)


@pytest.mark.parametrize("packet_type", [CONNECT, DISCONNECT, CONNECT_ERROR])
def test_only_events_and_acknowledgements_have_attachments(packet_type: int) -> None:
    with pytest.raises(ValueError, match="does not support binary"):
        Packet(packet_type, {"token": b"x"})


def test_without_looking_bytes_are_not_json() -> None:
    with pytest.raises(TypeError):
        Packet(EVENT, ["a", b"x"], binary=False).encode()


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        ("0", (CONNECT, None, None, None)),
        ("0/chat", (CONNECT, "/chat", None, None)),
        ('0/chat,{"a":1}', (CONNECT, "/chat", None, {"a": 1})),
        ("1/chat,", (DISCONNECT, "/chat", None, None)),
        ('2["a",1]', (EVENT, None, None, ["a", 1])),
        ('2/chat?token=1,3["a"]', (EVENT, "/chat", 3, ["a"])),
        ("30[]", (ACK, None, 0, [])),
        ('4"no"', (CONNECT_ERROR, None, None, "no")),
        ('50-["a"]', (BINARY_EVENT, None, None, ["a"])),
    ],
)
def test_decoding(encoded: str, expected: tuple[Any, ...]) -> None:
    packet = Packet(encoded_packet=encoded)

    assert fields(packet) == expected
    assert packet.attachment_count == 0


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "x",
        "7",
        "\u0662[]",  # a digit, but not of ASCII
        b'2["a"]',
        3,
        "2",
        "2{}",
        "2[]",
        '2"abc"',
        "2[1]",
        "2[null]",
        '2["a"',
        '21-["a"]',
        "3",
        "31{}",
        '5["a"]',
        '5-["a"]',
        '5x-["a"]',
        '512345678901-["a"]',
        "51-[1]",
        "61-{}",
        '212345678901234567["a"]',
        "2" + "[" * 100_000,
        '2["a",' + "1" * 101 + "]",
    ],
)
def test_what_the_protocol_does_not_allow_is_a_value_error(encoded: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a text of its own
        Packet(encoded_packet=encoded)


def test_attachments_complete_a_packet_in_order() -> None:
    second = PLACEHOLDER.replace("0", "1")
    packet = Packet(encoded_packet=f'52-["a",{second},{{"k":[{PLACEHOLDER}]}}]')

    assert packet.attachment_count == 2
    assert not packet.add_attachment(b"first")
    assert packet.add_attachment(b"second")

    assert packet.data == ["a", b"second", {"k": [b"first"]}]
    assert packet.attachments == [b"first", b"second"]


def test_an_attachment_that_was_not_announced_is_refused() -> None:
    packet = Packet(encoded_packet=f'51-["a",{PLACEHOLDER}]')
    packet.add_attachment(b"x")

    with pytest.raises(ValueError, match="Unexpected"):
        packet.add_attachment(b"y")
    with pytest.raises(ValueError, match="Unexpected"):
        Packet(encoded_packet='50-["a"]').add_attachment(b"x")


@pytest.mark.parametrize("number", ["-1", "1", "0.0", "true", "null", '"0"', "[]"])
def test_a_placeholder_must_have_the_number_of_an_attachment(number: str) -> None:
    packet = Packet(encoded_packet=f'51-["a",{PLACEHOLDER.replace("0", number)}]')

    with pytest.raises(ValueError, match="placeholder"):
        packet.add_attachment(b"x")


def test_an_attachment_has_one_placeholder() -> None:
    packet = Packet(encoded_packet=f'51-["a",{PLACEHOLDER},{PLACEHOLDER}]')

    with pytest.raises(ValueError, match="placeholder"):
        packet.add_attachment(b"x")


def test_what_only_looks_like_a_placeholder_is_left_alone() -> None:
    data = [{"_placeholder": 1, "num": 0}, {"_placeholder": False, "num": 0}, {"num": 0}]

    assert Packet.reconstruct_binary(data, [b"x"]) == data


def test_deconstructing_leaves_the_data_as_it_is() -> None:
    data = ["a", (bytearray(b"x"), {"k": b"y"})]

    plain, attachments = Packet.deconstruct_binary(data)

    assert attachments == [b"x", b"y"]
    assert Packet.reconstruct_binary(plain, attachments) == ["a", [b"x", {"k": b"y"}]]
    assert data == ["a", (bytearray(b"x"), {"k": b"y"})]


@given(
    kind=st.sampled_from([EVENT, ACK]),
    namespace=namespaces,
    args=st.lists(values(binary), max_size=4),
    id=st.none() | st.integers(0, 10**16 - 1),
)
def test_what_is_encoded_is_decoded_to_the_same(
    kind: int, namespace: str, args: list[Any], id: int | None
) -> None:
    data = ["name", *args] if kind == EVENT else args

    packet = decoded(Packet(kind, data, namespace, id).encode())

    binary_kind = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}[kind]
    assert packet.packet_type == (binary_kind if Packet.data_is_binary(data) else kind)
    assert (packet.namespace or "/", packet.id) == (namespace, id)
    assert packet.data == as_received(data)


@given(st.one_of(st.text(), st.text('0123456789-/,[]{}"a?').map("5".__add__), st.binary()))
def test_anything_decodes_or_is_a_value_error(encoded: Any) -> None:
    try:
        count = Packet(encoded_packet=encoded).attachment_count
    except ValueError:
        return
    assert count >= 0


class TaggingJSON:
    """A ``json=`` object that can be told from the default."""

    @staticmethod
    def dumps(obj: Any, /, *, separators: tuple[str, str] = (", ", ": ")) -> str:
        return json.dumps(["tag", obj], separators=separators)

    @staticmethod
    def loads(text: str, /) -> Any:
        return json.loads(text)[1]


def test_a_packet_class_can_have_its_own_json() -> None:
    class OwnPacket(Packet):
        json: ClassVar[Any] = TaggingJSON

    assert OwnPacket(EVENT, ["a"]).encode() == '2["tag",["a"]]'
    assert OwnPacket(encoded_packet='2["tag",["a"]]').data == ["a"]
    assert Packet(EVENT, ["a"]).encode() == '2["a"]'


def test_a_packet_class_without_binary_events_keeps_the_type() -> None:
    class Inline(Packet):
        uses_binary_events = False

    assert Inline(EVENT, ["a", b"x"]).packet_type == EVENT
    assert Inline(CONNECT, b"x").packet_type == CONNECT
