from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from request_support import ServerOptions

from engineio._core.handshake import MAX_DURATION_MS, Handshake, open_message, parse_open
from engineio.exceptions import ProtocolError

GOOD: dict[str, Any] = {
    "sid": "abc",
    "upgrades": ["websocket"],
    "pingInterval": 25_000,
    "pingTimeout": 20_000,
    "maxPayload": 1_000_000,
}


def _open(**changes: Any) -> str:
    return "0" + json.dumps({k: v for k, v in (GOOD | changes).items() if v is not ...})


def test_the_open_packet_announces_the_options_in_order() -> None:
    message = open_message("abc", ["websocket"], ServerOptions())

    assert message.text == (
        '0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,'
        '"maxPayload":1000000}'
    )


@pytest.mark.parametrize(
    ("interval", "grace", "announced"),
    [(25, 0, 25_000), (25, 5, 30_000), (0.3, 0, 300), (2.5, 0, 2_500), (28.7, 0, 28_700)],
)
def test_durations_are_announced_in_milliseconds(
    interval: float, grace: float, announced: int
) -> None:
    options = ServerOptions(
        ping_interval=interval, ping_interval_grace_period=grace, ping_timeout=interval
    )

    handshake = json.loads(open_message("abc", [], options).payload[1:])

    assert handshake["pingInterval"] == announced
    assert handshake["pingTimeout"] == round(interval * 1000)


def test_options_are_read_at_each_use() -> None:
    options = ServerOptions()
    open_message("abc", [], options)

    options.max_http_buffer_size = 7

    assert json.loads(open_message("abc", [], options).payload[1:])["maxPayload"] == 7


def test_a_client_reads_what_a_server_announces() -> None:
    assert parse_open(_open()) == Handshake("abc", ["websocket"], 25.0, 20.0, 1_000_000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"maxPayload": ...}, Handshake("abc", ["websocket"], 25.0, 20.0, None)),
        ({"maxPayload": None}, Handshake("abc", ["websocket"], 25.0, 20.0, None)),
        ({"upgrades": []}, Handshake("abc", [], 25.0, 20.0, 1_000_000)),
        ({"pingInterval": 0}, Handshake("abc", ["websocket"], 0.0, 20.0, 1_000_000)),
        ({"pingInterval": 300.5}, Handshake("abc", ["websocket"], 0.3005, 20.0, 1_000_000)),
        ({"more": 1}, Handshake("abc", ["websocket"], 25.0, 20.0, 1_000_000)),
    ],
)
def test_variants_are_read(changes: dict[str, Any], expected: Handshake) -> None:
    assert parse_open(_open(**changes)) == expected


@pytest.mark.parametrize("duration", [MAX_DURATION_MS + 1, 10**90, float("inf")])
def test_durations_that_no_timer_can_hold_are_cut(duration: float) -> None:
    assert parse_open(_open(pingTimeout=duration)).ping_timeout == MAX_DURATION_MS / 1000


@pytest.mark.parametrize(
    "data",
    [
        b"0{}",
        "",
        "2",
        "4hello",
        "0",
        "0not json",
        "0[]",
        "0" + "[" * 100_000,
        '0{"sid":' + "1" * 200 + "}",
        *(
            _open(**{key: value})
            for key, bad in {
                "sid": (..., None, "", 1, ["a"]),
                "upgrades": (..., None, "websocket", [1], {}),
                "pingInterval": (..., None, "25000", -1, True, float("nan"), []),
                "pingTimeout": (..., None, "20000", -1, False, float("-inf"), {}),
                "maxPayload": ("1", 0, -1, 1.5, True, []),
            }.items()
            for value in bad
        ),
    ],
    ids=lambda data: repr(data)[:60],
)
def test_a_malformed_open_packet_is_a_protocol_error(data: Any) -> None:
    with pytest.raises(ProtocolError):
        parse_open(data)


@given(
    st.text().map("0".__add__)
    | st.fixed_dictionaries(
        {},
        optional={
            key: st.none() | st.integers() | st.floats() | st.text() | st.lists(st.text())
            for key in GOOD
        },
    ).map(lambda value: "0" + json.dumps(value))
)
def test_any_text_is_read_or_a_protocol_error(text: str) -> None:
    try:
        handshake = parse_open(text)
    except ProtocolError:
        return
    assert handshake.sid and handshake.ping_interval >= 0


@given(
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.integers(1, 2**40),
    st.lists(st.sampled_from(["websocket", "webtransport"])),
)
def test_what_is_announced_is_read(
    interval: float, timeout: float, size: int, upgrades: list[str]
) -> None:
    options = ServerOptions(ping_interval=interval, ping_timeout=timeout, max_http_buffer_size=size)

    handshake = parse_open(open_message("abc", upgrades, options).text)

    assert handshake.sid == "abc"
    assert handshake.upgrades == upgrades
    assert handshake.ping_interval == pytest.approx(interval, abs=0.0006)
    assert handshake.ping_timeout == pytest.approx(timeout, abs=0.0006)
    assert handshake.max_payload == size
