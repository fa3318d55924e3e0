from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_support import SERIALIZERS, content, feed_all, payloads, wire_of

from engineio.exceptions import ProtocolError
from socketio._core.decoder import (
    MAX_NAMESPACE_LENGTH,
    RESERVED_EVENTS,
    PacketClassDecoder,
    PacketLimits,
)
from socketio.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
)

if TYPE_CHECKING:
    from socketio._core.decoder import Inbound

TEXT_FORMATS = ["default", "own"]
PLACEHOLDER = '{"_placeholder":true,"num":%s}'
LONGEST_ID = 10**16 - 1
LONGEST_NAMESPACE = "/" + "n" * (MAX_NAMESPACE_LENGTH - 1)


def decode(serializer: str, *messages: str | bytes) -> tuple[int, str, int | None, Any] | None:
    decoder = wire_of(serializer).new_decoder()
    packet: Inbound | None = None
    for data in messages:
        assert packet is None
        packet = decoder.feed(data)
    return content(packet)


def refused(serializer: str, *messages: str | bytes) -> ProtocolError:
    """Return the error that the last of these messages is refused with."""
    decoder = wire_of(serializer, max_attachments=5, max_attachment_bytes=1000).new_decoder()
    for data in messages[:-1]:
        assert decoder.feed(data) is None
    with pytest.raises(ProtocolError) as caught:
        decoder.feed(messages[-1])
    return caught.value


# the text format


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0", (CONNECT, "/", None, None)),
        ('0{"token":"x"}', (CONNECT, "/", None, {"token": "x"})),
        ("0/chat", (CONNECT, "/chat", None, None)),
        ("0/chat,", (CONNECT, "/chat", None, None)),
        ('0/chat,{"token":"x"}', (CONNECT, "/chat", None, {"token": "x"})),
        ("0/chat?token=x", (CONNECT, "/chat", None, None)),
        ("0/chat?token=x,{}", (CONNECT, "/chat", None, {})),
        ("0/?token=x,", (CONNECT, "/", None, None)),
        ("0/,{}", (CONNECT, "/", None, {})),
        ("0/chat,7{}", (CONNECT, "/chat", None, {})),
        ("1", (DISCONNECT, "/", None, None)),
        ("1/chat", (DISCONNECT, "/chat", None, None)),
        ("1/chat,", (DISCONNECT, "/chat", None, None)),
        ('1/chat,{"message":"upstream explains"}', (DISCONNECT, "/chat", None, None)),
        ('2["a"]', (EVENT, "/", None, ["a"])),
        ('2[""]', (EVENT, "/", None, [""])),
        ('2["a",1,null,{"b":[2]}]', (EVENT, "/", None, ["a", 1, None, {"b": [2]}])),
        ('2 ["a"]', (EVENT, "/", None, ["a"])),
        ('20["a"]', (EVENT, "/", 0, ["a"])),
        ('2007["a"]', (EVENT, "/", 7, ["a"])),
        (f'2{LONGEST_ID}["a"]', (EVENT, "/", LONGEST_ID, ["a"])),
        ('2/chat,["a"]', (EVENT, "/chat", None, ["a"])),
        ('2/chat,12["a"]', (EVENT, "/chat", 12, ["a"])),
        ('2/chat?x=[1],12["a"]', (EVENT, "/chat", 12, ["a"])),
        ('2/[x],["a"]', (EVENT, "/[x]", None, ["a"])),
        ('2/,12["a"]', (EVENT, "/", 12, ["a"])),
        (f'2{LONGEST_NAMESPACE},["a"]', (EVENT, LONGEST_NAMESPACE, None, ["a"])),
        (f"0{LONGEST_NAMESPACE}", (CONNECT, LONGEST_NAMESPACE, None, None)),
        ("30[]", (ACK, "/", 0, [])),
        ('312["x",1]', (ACK, "/", 12, ["x", 1])),
        ('3/chat,1["connect"]', (ACK, "/chat", 1, ["connect"])),
        ('4"no"', (CONNECT_ERROR, "/", None, "no")),
        ('4/chat,{"message":"no"}', (CONNECT_ERROR, "/chat", None, {"message": "no"})),
        ('50-["a"]', (EVENT, "/", None, ["a"])),
        ("60-1[]", (ACK, "/", 1, [])),
    ],
)
def test_a_text_is_one_packet(serializer: str, text: str, packet: Any) -> None:
    assert decode(serializer, text) == packet


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "9[]",
        "x",
        "²",
        '٢["a"]',
        "2",
        "2[",
        "2[]",
        "2{}",
        "2null",
        '2"abc"',
        "2[1]",
        "2[null]",
        '2[["a"]]',
        '2["a"]x',
        '2["a",]',
        '2x["a"]',
        '2-1["a"]',
        '2,["a"]',
        '2²["a"]',
        '2٣["a"]',
        '2/chat["a"]',
        '2/chat,x["a"]',
        '2/chat,-1["a"]',
        '2/chat,1,["a"]',
        "2/chat,12",
        f'2{LONGEST_ID + 1}["a"]',
        f'2/chat,{LONGEST_ID + 1}["a"]',
        "2" + "1" * 100_000,
        f'2{LONGEST_NAMESPACE}n,["a"]',
        f"0{LONGEST_NAMESPACE}n",
        "3",
        "3[]",
        "3/chat,[]",
        "31",
        "31{}",
        '31"x"',
        "0{",
        "0chat",
        "4nope",
        '5-["a"]',
        '5x-["a"]',
        '5-1-["a"]',
        '56-["a"]',
        '59999999999-["a"]',
        '500000000001-["a"]',
        "2" + "[" * 1000 + "]" * 1000,
        '2["a",' + "1" * 1000 + "]",
    ],
)
def test_what_is_no_packet_is_refused(serializer: str, text: str) -> None:
    assert refused(serializer, text).status == 400


def test_the_query_counts_towards_the_length_of_a_namespace() -> None:
    assert "namespace too long" in str(refused("default", f"0{LONGEST_NAMESPACE}?"))


@pytest.mark.parametrize("text", ['5["a"]', "6[]", '5/chat,["a"]', '5²-["a"]'])
def test_a_binary_packet_says_how_many_attachments_follow(text: str) -> None:
    assert "number of its attachments" in str(refused("default", text))


@pytest.mark.parametrize("event", sorted(RESERVED_EVENTS))
@pytest.mark.parametrize("head", ["2", "27", "2/chat,", "2/chat,7", "50-", "50-/chat,7"])
@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_no_peer_can_emit_a_reserved_event(serializer: str, head: str, event: str) -> None:
    error = refused(serializer, f'{head}["{event}",{{}}]')

    assert "reserved" in str(error)


def test_the_names_of_the_life_of_a_connection_are_reserved() -> None:
    assert {"connect", "connect_error", "disconnect"} <= RESERVED_EVENTS


# attachments


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    ("messages", "packet"),
    [
        (['51-["a",{0}]', b"x"], (EVENT, "/", None, ["a", b"x"])),
        (['51-["a",{0}]', b""], (EVENT, "/", None, ["a", b""])),
        (['52-/chat,7["a",{1},{0}]', b"x", b"y"], (EVENT, "/chat", 7, ["a", b"y", b"x"])),
        (['51-["a",{"k":[{0}]},1]', b"x"], (EVENT, "/", None, ["a", {"k": [b"x"]}, 1])),
        (['52-["a",{1}]', b"x", b"y"], (EVENT, "/", None, ["a", b"y"])),
        (["61-3[{0}]", b"x"], (ACK, "/", 3, [b"x"])),
        (["61-/chat,3[1,{0}]", b"x"], (ACK, "/chat", 3, [1, b"x"])),
        (['500001-["a",{0}]', b"x"], (EVENT, "/", None, ["a", b"x"])),
    ],
)
def test_a_packet_is_complete_with_its_last_attachment(
    serializer: str, messages: list[Any], packet: Any
) -> None:
    text, *attachments = messages
    for number in range(2):
        text = text.replace(f"{{{number}}}", PLACEHOLDER % number)

    assert decode(serializer, text, *attachments) == packet


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_a_decoder_waits_only_while_attachments_are_outstanding(serializer: str) -> None:
    decoder = wire_of(serializer).new_decoder()
    waiting = [decoder.waiting]

    for data in ('2["a"]', f'52-["b",{PLACEHOLDER % 0}]', b"x", b"y", '2["c"]'):
        decoder.feed(data)
        waiting.append(decoder.waiting)

    assert waiting == [False, False, True, True, False, False]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_one_packet_with_attachments_follows_another(serializer: str) -> None:
    wire = wire_of(serializer, max_attachment_bytes=3)
    decoder = wire.new_decoder()

    for value in (b"abc", b"def", b"ghi"):
        packet = feed_all(decoder, wire.encoder.event("/", ["a", value]))
        assert packet.data == ["a", value]


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    "number", ["-1", "1", "99999999999", "0.0", '"0"', "null", "true", "[0]", "{}"]
)
def test_a_placeholder_stands_for_an_attachment(serializer: str, number: str) -> None:
    text = f'51-["a",{PLACEHOLDER % number}]'

    assert refused(serializer, text, b"x").status == 400


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize("data", ['["a",{0},{0}]', '["a",{1},{"k":[{0},{1}]}]'])
def test_an_attachment_has_one_placeholder(serializer: str, data: str) -> None:
    for number in range(2):
        data = data.replace(f"{{{number}}}", PLACEHOLDER % number)

    assert refused(serializer, f"52-{data}", b"x", b"y").status == 400


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_a_placeholder_has_a_number(serializer: str) -> None:
    assert refused(serializer, '51-["a",{"_placeholder":true}]', b"x").status == 400


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    "value", [{"_placeholder": False, "num": 0}, {"_placeholder": 1}, {"num": 0}]
)
def test_what_only_looks_like_a_placeholder_is_data(serializer: str, value: Any) -> None:
    text = f'51-["a",{json.dumps(value)}]'

    assert decode(serializer, text, b"x") == (EVENT, "/", None, ["a", value])


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize(
    "value", [PLACEHOLDER % 0, '"' + r"\u0000" + '"'], ids=["placeholder", "text"]
)
def test_without_attachments_nothing_is_replaced(serializer: str, value: str) -> None:
    packet = decode(serializer, f'2["a",{value}]')

    assert packet == (EVENT, "/", None, ["a", json.loads(value)])


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_text_is_no_attachment(serializer: str) -> None:
    refused(serializer, '51-["a"]', '2["b"]')


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_an_attachment_must_be_announced(serializer: str) -> None:
    refused(serializer, b"x")


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_attachments_are_limited_in_number(serializer: str) -> None:
    decoder = wire_of(serializer, max_attachments=2).new_decoder()
    assert decoder.feed('52-["a"]') is None
    other = wire_of(serializer, max_attachments=2).new_decoder()

    with pytest.raises(ProtocolError, match="too many"):
        other.feed('53-["a"]')


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
def test_attachments_are_limited_in_size_together(serializer: str) -> None:
    error = refused(serializer, '53-["a"]', b"x" * 500, b"x" * 500, b"x")

    assert error.status == 413


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize("text", ["51-{}", "51-[]", '51-["connect"]', "61-[]", "61-1{}"])
def test_a_binary_packet_obeys_the_rules_of_the_plain_one(serializer: str, text: str) -> None:
    decoder = wire_of(serializer).new_decoder()

    with pytest.raises(ProtocolError):
        if decoder.feed(text) is None:
            decoder.feed(b"x")


# MessagePack and packet classes


def packed(**packet: Any) -> bytes:
    encoded: bytes = msgpack.dumps(packet)
    return encoded


@pytest.mark.parametrize(
    ("packet", "decoded"),
    [
        ({"type": 0, "nsp": "/"}, (CONNECT, "/", None, None)),
        ({"type": 0, "nsp": "/a", "data": {"b": 1}}, (CONNECT, "/a", None, {"b": 1})),
        ({"type": 0, "nsp": "/", "data": msgpack.ExtType(0, b"\0")}, (CONNECT, "/", None, None)),
        ({"type": 1, "nsp": "/", "data": None}, (DISCONNECT, "/", None, None)),
        ({"type": 1, "nsp": "/", "data": {"b": 1}}, (DISCONNECT, "/", None, None)),
        ({"type": 2, "nsp": "/", "data": ["a", b"x"]}, (EVENT, "/", None, ["a", b"x"])),
        ({"type": 2, "nsp": "/", "data": ["a"], "id": 0}, (EVENT, "/", 0, ["a"])),
        ({"type": 2, "nsp": "/", "data": ["a"], "id": None}, (EVENT, "/", None, ["a"])),
        ({"type": 3, "nsp": "/", "data": [], "id": 7}, (ACK, "/", 7, [])),
        ({"type": 4, "nsp": "/", "data": "no"}, (CONNECT_ERROR, "/", None, "no")),
        (
            {"type": 2, "nsp": LONGEST_NAMESPACE, "data": ["a"]},
            (EVENT, LONGEST_NAMESPACE, None, ["a"]),
        ),
        ({"type": 2, "nsp": "/", "data": ["a"], "more": 1}, (EVENT, "/", None, ["a"])),
    ],
)
def test_a_msgpack_map_is_one_packet(packet: dict[str, Any], decoded: Any) -> None:
    assert decode("msgpack", packed(**packet)) == decoded


@pytest.mark.parametrize(
    "packet",
    [
        {},
        {"type": 2, "data": ["a"]},
        {"nsp": "/", "data": ["a"]},
        {"type": 5, "nsp": "/", "data": ["a"]},
        {"type": -1, "nsp": "/", "data": ["a"]},
        {"type": "2", "nsp": "/", "data": ["a"]},
        {"type": 2.0, "nsp": "/", "data": ["a"]},
        {"type": True, "nsp": "/"},
        {"type": 2, "nsp": "", "data": ["a"]},
        {"type": 2, "nsp": "*", "data": ["a"]},
        {"type": 2, "nsp": None, "data": ["a"]},
        {"type": 2, "nsp": ["/"], "data": ["a"]},
        {"type": 2, "nsp": LONGEST_NAMESPACE + "n", "data": ["a"]},
        {"type": 2, "nsp": "/"},
        {"type": 2, "nsp": "/", "data": []},
        {"type": 2, "nsp": "/", "data": [1]},
        {"type": 2, "nsp": "/", "data": [b"a"]},
        {"type": 2, "nsp": "/", "data": {"a": 1}},
        {"type": 2, "nsp": "/", "data": "a"},
        {"type": 2, "nsp": "/", "data": ["connect"]},
        {"type": 2, "nsp": "/", "data": ["a"], "id": -1},
        {"type": 2, "nsp": "/", "data": ["a"], "id": 1.0},
        {"type": 2, "nsp": "/", "data": ["a"], "id": True},
        {"type": 2, "nsp": "/", "data": ["a"], "id": "1"},
        {"type": 3, "nsp": "/", "data": []},
        {"type": 3, "nsp": "/", "data": "x", "id": 1},
    ],
)
def test_a_msgpack_map_that_is_no_packet_is_refused(packet: dict[str, Any]) -> None:
    assert refused("msgpack", packed(**packet)).status == 400


@pytest.mark.parametrize(
    "data",
    [
        '2["a"]',
        b"",
        b"\xc1",
        b"\x81",
        msgpack.dumps([2, "/", ["a"]]),
        msgpack.dumps("2"),
        packed(type=1, nsp="/") + b"\0",
        b"\x91" * 5000 + b"\xc0",
    ],
)
def test_what_is_no_msgpack_map_is_refused(data: str | bytes) -> None:
    refused("msgpack", data)


class Failing(Packet):
    """A serializer of an application that fails in its own ways."""

    def decode(self, encoded_packet: Any) -> int:
        self.packet_type = 2
        self.data = ["a"]
        if encoded_packet == "type":
            self.packet_type = 99
        if encoded_packet == "error":
            raise LookupError("broken")
        return 0


@pytest.mark.parametrize("data", ["type", "error"])
def test_whatever_a_serializer_raises_is_the_fault_of_the_peer(data: str) -> None:
    decoder = PacketClassDecoder(Failing, PacketLimits())
    assert content(decoder.feed("fine")) == (EVENT, "/", None, ["a"])

    with pytest.raises(ProtocolError, match="invalid packet"):
        decoder.feed(data)


# anything at all

digits = st.integers(0, 12).map(str)
texts = st.one_of(
    st.text(),
    st.text(st.characters()),
    st.text(st.sampled_from('0123456789-/,?[]{}":natruefls_plcehodm')),
    st.lists(
        st.sampled_from(
            [*"0123456", "1-", "2-", "/", "/a", "?b", ",", "[", "]", '"a"', "{}", "null"]
            + ['["a"]', '["a",1]', "[]", '["connect"]', f'["a",{PLACEHOLDER % 0}]']
            + [f"[{PLACEHOLDER % 1}]", f'["a",{PLACEHOLDER % -1}]', '{"sid":"x"}']
        ),
        max_size=8,
    ).map("".join),
)
maps = st.dictionaries(
    st.sampled_from(["type", "nsp", "data", "id"]),
    st.one_of(
        st.integers(-1, 6),
        st.sampled_from(["/", "/a", "", None, True, 2.0, ["a"], ["a", b"x"], [], [1], {"a": 1}]),
        st.lists(st.text(max_size=3), max_size=2),
        st.builds(msgpack.ExtType, st.integers(0, 5), st.binary(max_size=2)),
    ),
)
blobs = st.one_of(st.binary(), maps.map(msgpack.dumps))


@pytest.mark.parametrize("serializer", SERIALIZERS)
@given(st.lists(st.one_of(texts, blobs), min_size=1, max_size=6))
def test_any_input_is_a_packet_or_a_protocol_error(
    serializer: str, inputs: list[str | bytes]
) -> None:
    decoder = wire_of(serializer).new_decoder()

    for data in inputs:
        try:
            packet = decoder.feed(data)
        except ProtocolError as error:
            assert error.status in (400, 413)
            return
        assert (packet is None) is decoder.waiting
        if packet is not None:
            assert_valid(packet)


def assert_valid(packet: Inbound) -> None:
    assert packet.type in (CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR)
    assert type(packet.namespace) is str
    assert packet.namespace.startswith("/")
    assert len(packet.namespace) <= MAX_NAMESPACE_LENGTH
    assert packet.id is None or (type(packet.id) is int and packet.id >= 0)
    if packet.type == EVENT:
        assert type(packet.data) is list
        assert type(packet.data[0]) is str
        assert packet.data[0] not in RESERVED_EVENTS
    elif packet.type == ACK:
        assert type(packet.data) is list
        assert packet.id is not None
    elif packet.type == DISCONNECT:
        assert packet.data is None


@given(texts)
def test_a_packet_class_reads_what_the_fast_path_reads(text: str) -> None:
    fast, slow = wire_of("default").new_decoder(), wire_of("own").new_decoder()
    try:
        packet = fast.feed(text)
    except ProtocolError:
        return

    assert content(slow.feed(text)) == content(packet)
    assert slow.waiting == fast.waiting


@given(
    kind=st.sampled_from([EVENT, ACK, BINARY_EVENT, BINARY_ACK]),
    namespace=st.sampled_from(["", "/,", "/a,", "/a?b=[c],", "/[a],", LONGEST_NAMESPACE + ","]),
    id=st.none() | st.integers(0, LONGEST_ID),
    args=st.lists(st.text(max_size=5), max_size=3),
)
def test_the_head_of_a_packet_is_read_part_by_part(
    kind: int, namespace: str, id: int | None, args: list[str]
) -> None:
    count = "0-" if kind in (BINARY_EVENT, BINARY_ACK) else ""
    folded = {BINARY_EVENT: EVENT, BINARY_ACK: ACK}.get(kind, kind)
    if folded == ACK and id is None:
        id = 0
    text = f"{kind}{count}{namespace}{'' if id is None else id}{json.dumps(['e', *args])}"

    packet = decode("default", text)

    name = namespace.rstrip(",").partition("?")[0] or "/"
    assert packet == (folded, name, id, ["e", *args])


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=5))
def test_attachments_may_be_anything(attachments: list[bytes]) -> None:
    wire = wire_of()
    messages = payloads(wire.encoder.event("/", ["a", *attachments]))

    assert decode("default", *messages) == (EVENT, "/", None, ["a", *attachments])


# nesting


def nest(depth: int, leaf: Any = 1) -> Any:
    """Lists and dicts inside of each other, ``depth`` of them, ``leaf`` in the last one."""
    data = [leaf]
    for number in range(depth - 1):
        data = {"k": data} if number % 2 else [0, data]  # type: ignore[assignment]
    return data


class Foreign(Packet):
    """A format of an application that limits nothing."""

    uses_binary_events = False

    def decode(self, encoded_packet: Any) -> int:
        self.packet_type, self.namespace, self.id = EVENT, "/", None
        self.data = json.loads(encoded_packet)
        return 0


@pytest.mark.parametrize("limit", [3, 128, 200])
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_nesting_is_limited_in_every_format(serializer: str, limit: int) -> None:
    wire = wire_of(serializer, max_json_depth=limit)

    def receive(depth: int) -> Inbound:
        return feed_all(wire.new_decoder(), wire.encoder.event("/", ["e", nest(depth - 1)]))

    assert receive(limit).data == ["e", nest(limit - 1)]
    with pytest.raises(ProtocolError):
        receive(limit + 1)
    with pytest.raises(ProtocolError):
        receive(250)


@pytest.mark.parametrize("leaf", [[], {}, 1])
def test_nesting_is_limited_in_formats_of_applications(leaf: Any) -> None:
    decoder = PacketClassDecoder(Foreign, PacketLimits(max_json_depth=5))
    empty = 0 if leaf == 1 else 1

    assert decoder.feed(json.dumps(["event", nest(4 - empty, leaf)])) is not None
    with pytest.raises(ProtocolError):
        decoder.feed(json.dumps(["event", nest(5 - empty, leaf)]))


@pytest.mark.parametrize("serializer", TEXT_FORMATS)
@pytest.mark.parametrize("limit", [5, 150])
def test_integers_are_limited_in_every_text_format(serializer: str, limit: int) -> None:
    wire = wire_of(serializer, max_json_int_digits=limit)
    longest = 10**limit - 1

    assert content(wire.new_decoder().feed(f'2["e",{longest}]')) == (
        EVENT,
        "/",
        None,
        ["e", longest],
    )
    with pytest.raises(ProtocolError):
        wire.new_decoder().feed(f'2["e",{longest + 1}]')
