"""The pytest plugin of python-socketio: fixtures that put a server under test.

It is loaded by pytest wherever python-socketio is installed, and is therefore a module of its own:
it imports ``socketio`` only for a test that asks for one of its fixtures.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from socketio import AsyncServer, Server
    from socketio.testing import AsyncTestServer, TestServer

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:  # anyio's plugin takes pytest's own
    async_fixture = pytest.fixture  # type: ignore[assignment]


@pytest.fixture
def socketio_test_server() -> Iterator[Callable[[Server], TestServer]]:
    """Return a function that puts a ``socketio.Server`` under test, until the test has ended.

    ``server = socketio_test_server(sio)``, then ``server.connect(...)``.
    """
    from socketio.testing import TestServer

    with ExitStack() as stack:
        yield lambda sio: stack.enter_context(TestServer(sio))


@async_fixture
async def async_socketio_test_server() -> AsyncIterator[
    Callable[[AsyncServer], Awaitable[AsyncTestServer]]
]:
    """Return a function that puts a ``socketio.AsyncServer`` under test, until the test has ended.

    ``server = await async_socketio_test_server(sio)``, then ``await server.connect(...)``.  For
    tests that pytest-asyncio or anyio run.
    """
    from socketio.testing import AsyncTestServer

    async with AsyncExitStack() as stack:
        yield lambda sio: stack.enter_async_context(AsyncTestServer(sio))
