from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio._core.message import Message
from engineio._core.polling import join_payload, split_payload, unwrap_jsonp
from engineio.exceptions import ProtocolError

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x1e")).map("4".__add__)


@given(st.lists(st.one_of(texts, st.binary()), min_size=1))
def test_what_is_joined_is_split_again(packets: list[str | bytes]) -> None:
    messages = [
        Message(packet, binary=True) if isinstance(packet, bytes) else Message(packet.encode())
        for packet in packets
    ]

    assert split_payload(join_payload(messages), len(packets)) == packets


@pytest.mark.parametrize("body", [b"\xff", b"4a\x1eb!", b"bAA"])
def test_a_malformed_payload_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        split_payload(body, 16)

    assert caught.value.status == 400


def test_too_many_packets_are_refused() -> None:
    assert len(split_payload(b"\x1e".join([b"4"] * 16), 16)) == 16
    with pytest.raises(ProtocolError):
        split_payload(b"\x1e".join([b"4"] * 17), 16)


@given(st.binary())
def test_any_body_splits_or_is_refused(body: bytes) -> None:
    try:
        packets = split_payload(body, 16)
    except ProtocolError:
        return
    assert 1 <= len(packets) <= 16


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b"d=4hello", b"4hello"),
        (b"d=4a%20b%1E4c", b"4a b\x1e4c"),
        (b"d=4a%5Cnb", b"4a\nb"),
        (b"d=4a%5C%5Cnb", b"4a\\nb"),
        (b"d=", b""),
    ],
)
def test_a_jsonp_form_carries_a_payload(body: bytes, payload: bytes) -> None:
    assert unwrap_jsonp(body) == payload


def test_a_form_without_payload_is_refused() -> None:
    with pytest.raises(ProtocolError):
        unwrap_jsonp(b"e=4hello")
