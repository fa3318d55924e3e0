from __future__ import annotations

import pytest

from engineio._shell.handshake_reply import accept_handshake

# the example of RFC 6455, 1.2
VALID = {
    "Host": "server.example.com",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def test_a_valid_handshake_is_accepted() -> None:
    headers = accept_handshake(VALID.items())

    assert headers is not None
    assert dict(headers)["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert dict(headers)["Upgrade"] == "websocket"


def test_extensions_and_subprotocols_are_not_negotiated() -> None:
    offers = {
        "Sec-WebSocket-Extensions": "permessage-deflate",
        "Sec-WebSocket-Protocol": "chat",
    }

    headers = accept_handshake((VALID | offers).items())

    assert headers is not None
    assert not {name.lower() for name in offers} & {name.lower() for name, _ in headers}


@pytest.mark.parametrize(
    "changed",
    [
        {"Upgrade": "h2c"},
        {"Connection": "close"},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Version": "8"},
    ],
    ids=str,
)
def test_an_invalid_handshake_is_not(changed: dict[str, str]) -> None:
    assert accept_handshake((VALID | changed).items()) is None


@pytest.mark.parametrize("name", sorted(VALID.keys() - {"Host"}))
def test_nor_is_one_that_lacks_a_header(name: str) -> None:
    rest = [header for header in VALID.items() if header[0] != name]

    assert accept_handshake(rest) is None


def test_nor_is_an_ordinary_request() -> None:
    assert accept_handshake([("Host", "server.example.com")]) is None
