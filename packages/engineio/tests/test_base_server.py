from __future__ import annotations

import pytest

import engineio
from engineio.payload import Payload


def test_a_post_may_hold_what_the_javascript_client_puts_into_one() -> None:
    server = engineio.AsyncServer(async_mode="asgi")

    assert server._max_packets() == 1000


def test_the_limit_of_packets_is_an_option() -> None:
    server = engineio.AsyncServer(async_mode="asgi", max_payload_packets=20)

    assert server._max_packets() == 20


@pytest.mark.parametrize("assigned", [500, 16])
def test_the_older_class_attribute_wins_where_it_is_assigned(
    assigned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own default included."""
    server = engineio.AsyncServer(async_mode="asgi", max_payload_packets=20)
    assert Payload.max_decode_packets == 16

    monkeypatch.setattr(Payload, "max_decode_packets", assigned)

    assert server._max_packets() == assigned


def test_options_are_re_read_after_they_are_assigned() -> None:
    server = engineio.AsyncServer(async_mode="asgi", ping_interval=(20, 5))
    assert (server.ping_interval, server.ping_interval_grace_period) == (20, 5)

    server.ping_interval = 7
    session = server.engine.create("sid", "polling")

    assert b'"pingInterval":12000' in session.outbox[0].payload


def test_an_unknown_option_is_named() -> None:
    with pytest.warns(RuntimeWarning, match="ping_intervall"):
        engineio.AsyncServer(async_mode="asgi", ping_intervall=3)


@pytest.mark.parametrize("mode", ["nonsense", "threading"])
def test_a_mode_of_another_kind_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="Invalid async_mode"):
        engineio.AsyncServer(async_mode=mode)


def test_without_valid_transports_there_is_no_server() -> None:
    with pytest.raises(ValueError, match="No valid transports"):
        engineio.AsyncServer(async_mode="asgi", transports=["carrier pigeon"])


def test_session_ids_are_long_and_url_safe() -> None:
    server = engineio.AsyncServer(async_mode="asgi")

    ids = {server.generate_id() for _ in range(100)}

    assert len(ids) == 100
    assert all(len(sid) == 20 and sid.replace("-", "").replace("_", "").isalnum() for sid in ids)


def test_only_the_three_events_have_handlers() -> None:
    server = engineio.AsyncServer(async_mode="asgi")

    with pytest.raises(ValueError, match="connect, disconnect, message"):
        server.on("nonsense")


def test_an_unknown_session_is_a_key_error() -> None:
    server = engineio.AsyncServer(async_mode="asgi")

    with pytest.raises(KeyError):
        server.transport("unknown")
