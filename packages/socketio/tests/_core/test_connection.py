from __future__ import annotations

from engine_support import Options
from packet_support import wire_of

from engineio._core.engine import Engine
from socketio._core.connection import Connection


def test_a_new_connection_is_in_no_namespace() -> None:
    session = Engine(Options(), lambda: None).create("sid", "websocket")
    decoder = wire_of().new_decoder()

    connection = Connection(session, decoder)

    assert connection.session is session
    assert connection.decoder is decoder
    assert (connection.sids, connection.connected, connection.joined) == ({}, {}, False)
    assert (connection.running, connection.slot_is_free, connection.held) == (0, None, {})
    assert (connection.warned, connection.closed) == (False, None)
