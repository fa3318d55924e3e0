"""HTTP and WebSocket for the asyncio client, over aiohttp.

One port serves one Engine.IO connection: polls, POSTs and at most one WebSocket, all with the
caller's headers.  Whatever fails on the network is a ``TransportError``; every wait is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import aiohttp

from .transport_error import Response, TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from .._core.message import Message

T = TypeVar("T")

TEXT = aiohttp.WSMsgType.TEXT
BINARY = aiohttp.WSMsgType.BINARY

KEEPALIVE = 1.5
"""Seconds that an idle connection is kept: less than any common server does (gunicorn: 2, uvicorn
and Node: 5), so that no POST goes out on a connection that is just being closed."""

LAST_WORDS = 0.1
"""Seconds that a server gets to end a poll after our CLOSE, or to answer the close frame of a
WebSocket that is given up.  Nothing depends on it: it only spares both a reset connection."""

_FAILURES = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


class HTTPPort:
    """Speaks for one connection through an ``aiohttp.ClientSession`` that it does not close.

    :param session: the HTTP session; its cookies and connector settings apply everywhere.
    :param headers: sent with every request; not changed.
    :param verify: False accepts any certificate.
    :param timeout: seconds for a POST, a WebSocket handshake and a WebSocket close.
    :param limit: bytes of the largest response body or WebSocket message that is read.
    :param websocket_options: keyword arguments for ``ClientSession.ws_connect()`` that win over
        ours; ``headers`` is merged into the request's.  Not changed.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        headers: Mapping[str, str],
        verify: bool,
        timeout: float,
        limit: int,
        websocket_options: Mapping[str, Any],
    ) -> None:
        self.websocket: aiohttp.ClientWebSocketResponse[bool] | None = None
        self._session = session
        self._headers = dict(headers)
        self._options: dict[str, Any] = {} if verify else {"ssl": False}
        self._timeout = timeout
        self._limit = limit
        self._websocket_options = websocket_options
        self._poll: asyncio.Task[Response] | None = None
        self._closed = False

    @staticmethod
    def create_session() -> aiohttp.ClientSession:
        """Return a session of our own; it keeps cookies of hosts that are IP addresses too."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=KEEPALIVE),
            # quoted, those of load balancers would not be known again
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
        )

    @staticmethod
    async def close_session(session: aiohttp.ClientSession) -> None:
        """Close a session."""
        await session.close()

    @staticmethod
    def is_closed(session: aiohttp.ClientSession) -> bool:
        """Return whether a session can be used no more."""
        return session.closed

    async def get(self, url: str, timeout: float) -> Response:
        """Send a GET and wait for its response; ``close()`` releases a waiting one."""
        self._check_open()
        self._poll = asyncio.ensure_future(self._request("GET", url, self._headers, None, timeout))
        try:
            return await self._poll
        except asyncio.CancelledError:
            if self._closed:
                self._fail("the connection was closed")
            raise
        finally:
            self._poll = None

    async def post(self, url: str, body: bytes) -> Response:
        """Send a POST with a text body."""
        headers = {
            name: value for name, value in self._headers.items() if name.lower() != "content-type"
        }
        headers["Content-Type"] = "text/plain;charset=UTF-8"
        return await self._request("POST", url, headers, body, self._timeout)

    async def open_websocket(self, url: str) -> None:
        """Open the WebSocket; it is then ``websocket``."""
        self._check_open()
        options = {
            # its fields have no annotations that pyright could see
            "timeout": aiohttp.ClientWSTimeout(ws_close=self._timeout),  # pyright: ignore[reportCallIssue]
            "max_msg_size": self._limit,
            **self._options,
            **self._websocket_options,
        }
        options["headers"] = {**self._headers, **(self._websocket_options.get("headers") or {})}
        self.websocket = await self._within(self._timeout, self._session.ws_connect(url, **options))

    async def send(self, messages: Sequence[Message]) -> None:
        """Write messages to the WebSocket, one frame each; waits while the peer is slow."""
        websocket = self._open_socket()
        try:
            for message in messages:
                await websocket.send_frame(message.payload, BINARY if message.binary else TEXT)
        except _FAILURES as error:
            raise TransportError(str(error)) from error

    async def receive(self, timeout: float) -> str | bytes:
        """Wait for the next WebSocket message; ``close()`` releases the reader."""
        websocket = self._open_socket()
        try:
            message = await websocket.receive(timeout)
        except asyncio.TimeoutError as error:
            raise TransportError(f"nothing received for {timeout:.1f} seconds") from error
        except _FAILURES as error:
            raise TransportError(str(error)) from error
        if message.type is TEXT:
            return str(message.data)
        if message.type is BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.ERROR:
            self._fail(str(message.data))
        self._fail(f"the WebSocket was closed with code {websocket.close_code}")

    async def close_websocket(self, patience: float) -> None:
        """Close the WebSocket; the server has ``patience`` seconds to close it too."""
        websocket, self.websocket = self.websocket, None
        if websocket is not None:
            with contextlib.suppress(*_FAILURES):
                await asyncio.wait_for(websocket.close(), patience)

    def interrupt(self) -> None:
        """Release a waiting ``get()``, and let later calls fail."""
        self._closed = True
        if self._poll is not None:
            self._poll.cancel()

    async def close(self, *, abort: bool) -> None:
        """End everything that is under way; later calls fail.

        The server has ``timeout`` seconds to close the WebSocket too, with ``abort`` next to none.
        """
        self._closed = True
        if self._poll is not None and not abort:
            await asyncio.wait({self._poll}, timeout=LAST_WORDS)
        self.interrupt()
        await self.close_websocket(LAST_WORDS if abort else self._timeout)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> Response:
        self._check_open()
        return await self._within(timeout, self._exchange(method, url, headers, body))

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        # aiohttp rounds longer timeouts to whole seconds and bounds parts of them by itself
        options = {**self._options, "timeout": aiohttp.ClientTimeout(total=None)}
        async with self._session.request(
            method, url, headers=headers, data=body, **options
        ) as response:
            return Response(response.status, await self._read(response))

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limit:
                self._fail(f"the response is larger than {self._limit} bytes")
        return bytes(body)

    async def _within(self, timeout: float, exchange: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(exchange, timeout)
        except asyncio.TimeoutError as error:
            raise TransportError(str(error) or f"no response in {timeout:.1f} seconds") from error
        except _FAILURES as error:
            raise TransportError(str(error)) from error
        except RuntimeError as error:
            if not self._session.closed:
                raise
            raise TransportError(str(error)) from error

    def _check_open(self) -> None:
        if self._closed:
            self._fail("the connection was closed")
        if self._session.closed:
            self._fail("the HTTP session is closed")

    def _open_socket(self) -> aiohttp.ClientWebSocketResponse[bool]:
        if self.websocket is None:
            self._fail("the connection was closed")
        return self.websocket

    def _fail(self, text: str) -> NoReturn:
        raise TransportError(text)
