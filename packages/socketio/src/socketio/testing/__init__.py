"""Tests of applications without a network: clients in memory, and the time in the test's hands.

``TestServer`` and ``AsyncTestServer`` connect clients to a server of this process.  A client
speaks the protocol with the server's own engine, so everything between the socket and the
application's handlers is what runs in production; only the socket is missing.  With pytest the
fixtures ``socketio_test_server`` and ``async_socketio_test_server`` make them.
"""

from __future__ import annotations

from .async_kit import AsyncTestClient, AsyncTestServer
from .kit import TestClient, TestServer

__all__ = ["AsyncTestClient", "AsyncTestServer", "TestClient", "TestServer"]
