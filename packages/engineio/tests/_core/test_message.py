from __future__ import annotations

import tracemalloc

import pytest

from engineio._core.message import MESSAGE_OVERHEAD, Message, weight


def test_text_is_the_same_in_every_form() -> None:
    message = Message("4é".encode())

    assert message.text == "4é"
    assert message.polling == "4é".encode()
    assert message.frame == b"\x81\x03" + "4é".encode()


def test_binary_is_base64_on_polling_and_raw_on_websocket() -> None:
    message = Message(b"\x00\xff", binary=True)

    assert message.polling == b"bAP8="
    assert message.frame == b"\x82\x02\x00\xff"


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_frame_header_grows_with_the_payload(size: int, header: bytes) -> None:
    assert Message(b"x" * size).frame == header + b"x" * size


def test_each_form_is_computed_once() -> None:
    message = Message(b"4hello", binary=False)

    assert message.text is message.text
    assert message.frame is message.frame
    assert message.polling is message.polling is message.payload
    assert Message(b"x", binary=True).binary
    assert "4hello" in repr(message)


def test_messages_weigh_more_than_they_carry() -> None:
    assert weight([]) == 0
    assert weight([Message(b"4abc"), Message(b"x", binary=True)]) == 5 + 2 * MESSAGE_OVERHEAD


def test_a_message_takes_about_what_it_weighs() -> None:
    tracemalloc.start()
    try:
        messages = [Message(b"4%06d" % number) for number in range(10_000)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.75 < taken / weight(messages) < 1.1
