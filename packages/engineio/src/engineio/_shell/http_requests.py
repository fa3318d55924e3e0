"""HTTP and WebSocket for the client of threads, over requests and websocket-client.

One port serves one Engine.IO connection: polls, POSTs and at most one WebSocket, all with the
caller's headers and the settings of the HTTP session.  Whatever fails on the network is a
``TransportError``; every wait is bounded, and ends when the port is closed.
"""

from __future__ import annotations

import contextlib
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import requests
import websocket
from requests.adapters import HTTPAdapter
from websocket import ABNF

from .errand import Errand
from .response_wait import ResponseWait, make_cuttable
from .session_settings import prepare, settings_for, websocket_options
from .shared_socket import SharedSocket
from .transport_error import Response, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .._core.message import Message

T = TypeVar("T")

LAST_WORDS = 0.1
"""Seconds that a server gets to answer the close frame of a WebSocket that is given up.  Nothing
depends on it: it only spares it a reset connection."""

OVERHEAD = 65_536
"""Bytes that the frames of one message may have besides its data."""

CHUNK = 65_536
"""Bytes of a response read at once."""

_FAILURES = (OSError, websocket.WebSocketException)
"""The exceptions of requests are an ``OSError``, too."""


class HTTPPort:
    """Speaks for one connection through a ``requests.Session`` that it does not close.

    :param session: the HTTP session; its cookies, headers, ``auth``, proxies and certificates
        apply to the WebSocket, too.
    :param headers: sent with every request; not changed.
    :param verify: False accepts any certificate.
    :param timeout: seconds for a POST, a WebSocket handshake and a WebSocket close.
    :param limit: bytes of the largest response body or WebSocket message that is read.
    :param websocket_options: keyword arguments for ``websocket.create_connection()`` that win
        over ours; ``header`` is merged into the request's.  Not changed.
    """

    def __init__(
        self,
        session: requests.Session,
        *,
        headers: Mapping[str, str],
        verify: bool,
        timeout: float,
        limit: int,
        websocket_options: Mapping[str, Any],
    ) -> None:
        self.websocket: websocket.WebSocket | None = None
        self._socket: SharedSocket | None = None
        self._session = session
        self._headers = dict(headers)
        self._verify = verify
        self._timeout = timeout
        self._limit = limit
        self._websocket_options = websocket_options
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._nothing_to_read = False
        self._errands: set[Errand[Any]] = set()
        self._closed = False

    @staticmethod
    def create_session() -> requests.Session:
        """Return a session of our own."""
        return requests.Session()

    @staticmethod
    def close_session(session: requests.Session) -> None:
        """Close a session and its idle connections, which requests leaves to the garbage."""
        adapters: dict[str, Any] = getattr(session, "adapters", {})
        for adapter in adapters.values():
            if isinstance(adapter, HTTPAdapter):
                for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
                    for key in list(manager.pools.keys()):
                        manager.pools[key].close()
        session.close()

    @staticmethod
    def is_closed(session: requests.Session) -> bool:
        """Return False: a session that was closed opens again when it is used."""
        return False

    def get(self, url: str, timeout: float) -> Response:
        """Send a GET and wait for its response; ``interrupt()`` releases who waits."""
        return self._request("GET", url, self._headers, None, timeout)

    def post(self, url: str, body: bytes) -> Response:
        """Send a POST with a text body."""
        headers = {
            name: value for name, value in self._headers.items() if name.lower() != "content-type"
        }
        headers["Content-Type"] = "text/plain;charset=UTF-8"
        return self._request("POST", url, headers, body, self._timeout)

    def open_websocket(self, url: str) -> None:
        """Open the WebSocket; it is then ``websocket``."""
        try:
            options: dict[str, Any] = {
                "timeout": self._timeout,
                "enable_multithread": True,
                "skip_utf8_validation": True,  # receive() finds what is not UTF-8, and faster
                **websocket_options(
                    self._session,
                    url,
                    self._headers,
                    verify=self._verify,
                    given=self._websocket_options,
                ),
            }
            opened = self._within(
                options["timeout"] or self._timeout,
                lambda: websocket.create_connection(url, **options),
                _discard,
            )
        except (OSError, ValueError) as error:  # also of the URL
            raise TransportError(str(error)) from error
        sock = SharedSocket(_socket_of(opened))
        opened.sock = sock  # type: ignore[assignment]
        with self._lock:
            self.websocket, self._socket = opened, sock
            self._nothing_to_read = False

    def send(self, messages: Sequence[Message]) -> None:
        """Write messages to the WebSocket, one frame each; waits while the peer is slow."""
        opened, _ = self._open_socket()
        try:
            for message in messages:
                opened.send(
                    message.payload, ABNF.OPCODE_BINARY if message.binary else ABNF.OPCODE_TEXT
                )
        except _FAILURES as error:
            raise TransportError(str(error)) from error

    def receive(self, timeout: float) -> str | bytes:
        """Wait for the next WebSocket message; ``close()`` releases the reader."""
        with self._reading:
            opened, sock = self._open_socket()
            sock.receive_by = monotonic() + timeout
            sock.allowance = self._limit + OVERHEAD
            self._nothing_to_read = True  # if what follows fails
            try:
                kind, data = opened.recv_data()
            except (TimeoutError, websocket.WebSocketTimeoutException) as error:
                raise TransportError(f"nothing received for {timeout:.1f} seconds") from error
            except _FAILURES as error:
                raise TransportError(str(error)) from error
            self._nothing_to_read = kind == ABNF.OPCODE_CLOSE
        if kind == ABNF.OPCODE_CLOSE:
            code = int.from_bytes(data[:2], "big") if data else 1005
            self._fail(f"the WebSocket was closed with code {code}")
        if len(data) > self._limit:
            self._fail(f"the message is larger than {self._limit} bytes")
        try:
            return str(data, "utf-8") if kind == ABNF.OPCODE_TEXT else bytes(data)
        except UnicodeDecodeError as error:
            raise TransportError(f"the message is not UTF-8: {error}") from error

    def close_websocket(self, patience: float) -> None:
        """Close the WebSocket; the server has ``patience`` seconds to close it too."""
        with self._lock:
            opened, self.websocket = self.websocket, None
            sock, self._socket = self._socket, None
        if opened is None or sock is None:
            return
        sock.send_by = deadline = monotonic() + patience
        try:
            if opened.connected:
                opened.send_close()
            sock.finish_sending()
            self._await_close(opened, sock, deadline)
        except _FAILURES:
            pass
        finally:
            sock.close()

    def _await_close(self, opened: Any, sock: SharedSocket, deadline: float) -> None:
        """Let the reader, or without one do it ourselves, read until the server has closed."""
        if self._reading.acquire(timeout=max(deadline - monotonic(), 0)):
            try:
                sock.receive_by = deadline
                while not self._nothing_to_read:
                    self._nothing_to_read = opened.recv_frame().opcode == ABNF.OPCODE_CLOSE
            finally:
                self._reading.release()

    def interrupt(self) -> None:
        """Release those who wait for a response, and let later calls fail."""
        with self._lock:
            self._closed = True
            errands = list(self._errands)
        for errand in errands:
            errand.give_up(TransportError("the connection was closed"))

    def close(self, *, abort: bool) -> None:
        """End everything that is under way; later calls fail.

        The server has ``timeout`` seconds to close the WebSocket too, with ``abort`` next to none.
        """
        self.interrupt()
        self.close_websocket(LAST_WORDS if abort else self._timeout)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> Response:
        wait = ResponseWait()

        def exchange() -> Response:
            with wait.of_this_thread():
                return self._exchange(method, url, headers, body, timeout)

        return self._within(timeout, exchange, cut=wait.cut)

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> Response:
        session = self._session
        request = prepare(session, method, url, headers, body)
        settings = settings_for(session, str(request.url), verify=self._verify)
        make_cuttable(session, request, settings)
        with session.send(request, timeout=timeout, **settings) as response:
            return Response(response.status_code, self._read(response))

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(CHUNK):
            body += chunk
            if len(body) > self._limit:
                self._fail(f"the response is larger than {self._limit} bytes")
        return bytes(body)

    def _within(
        self,
        timeout: float,
        function: Callable[[], T],
        discard: Callable[[T], None] | None = None,
        cut: Callable[[], None] | None = None,
    ) -> T:
        """Return what ``function()`` returns; see ``Errand`` for what happens if time is over."""
        errand = Errand(function, discard, cut)
        with self._lock:
            closed = self._closed
            self._errands.add(errand)
        try:
            if closed:
                errand.give_up(TransportError("the connection was closed"))
            return errand.wait(timeout)
        except _FAILURES as error:
            raise TransportError(str(error)) from error
        finally:
            with self._lock:
                self._errands.discard(errand)

    def _open_socket(self) -> tuple[websocket.WebSocket, SharedSocket]:
        with self._lock:
            opened, sock = self.websocket, self._socket
        if opened is None or sock is None:
            self._fail("the connection was closed")
        return opened, sock

    def _fail(self, text: str) -> NoReturn:
        raise TransportError(text)


def _socket_of(opened: websocket.WebSocket) -> Any:
    if opened.sock is None:
        raise TransportError("the connection was closed")
    return opened.sock


def _discard(opened: websocket.WebSocket) -> None:
    """Close a WebSocket that came too late."""
    with contextlib.suppress(OSError):
        _socket_of(opened).close()
