"""The Python client of the registry, asyncio and threaded, works against our server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.feature("upstream's clients")

UPSTREAM = Path(__file__).parents[1] / "upstream"
PYTHON = UPSTREAM.parents[1] / ".cache" / "upstream-venv" / "bin" / "python"
TIMEOUT = 30

EXPECTED = {
    "echo": ["text", {"a": [1, None, "ü"]}],
    "binary": [{"$hex": "00ff"}, {"nested": [{"$hex": "0102"}]}],
    "back": [["one"], [{"$hex": "00ff"}, 2]],
    "answered": ["question", ["answer", {"$hex": "2a"}]],
    "numbers": list(range(100)),
    "chat": ["chat", 1],
    "class": ["class", 2],
    "auth": {"token": "secret"},
    "refused": {"message": "no entry", "data": {"code": 7}},
    "unknown namespace": {"message": "Invalid namespace"},
    "kicked": "server disconnect",
}


@pytest.fixture
def options():
    """The registry's clients may end before their CLOSE has left: the heartbeat finds out."""
    return {"ping_interval": 1, "ping_timeout": 2}


@pytest.mark.parametrize("transport", ["polling", "websocket", "upgrade"])
@pytest.mark.parametrize("client", ["async_client.py", "sync_client.py"])
async def test_upstreams_client_gets_what_it_expects(server, client, transport):
    before = await server.held()

    process = await asyncio.create_subprocess_exec(
        PYTHON, UPSTREAM / client, server.url, transport, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)

    assert process.returncode == 0
    assert json.loads(output) == {
        **EXPECTED,
        "transport": "polling" if transport == "polling" else "websocket",
    }
    await server.settled(before)
