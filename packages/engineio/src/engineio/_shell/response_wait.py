"""Ending the wait for a response that another thread waits for, which requests has no way to do.

A long-polling GET waits where urllib3 calls ``getresponse()`` of its connection: there, and only
there, the socket is known to the ``ResponseWait`` of the thread, and can be shut down.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from .shared_socket import shut_down

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    import requests

_of_thread = threading.local()


class ResponseWait:
    """One request's wait for its response."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def cut(self) -> None:
        """End the wait, or let it fail when it begins."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    shut_down(self._socket)

    @contextlib.contextmanager
    def of_this_thread(self) -> Iterator[None]:
        """Have the requests of this thread wait here."""
        _of_thread.wait = self
        try:
            yield
        finally:
            del _of_thread.wait

    @contextlib.contextmanager
    def on(self, sock: socket.socket) -> Iterator[None]:
        """Wait for what comes from a socket."""
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError("nobody waits for the response")
            self._socket = sock
        try:
            yield
        finally:
            with self._lock:
                self._socket = None


class CuttableConnection:
    """Comes before a connection class of urllib3; see the module."""

    sock: Any

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        """Wait for the response."""
        wait: ResponseWait | None = getattr(_of_thread, "wait", None)
        waiting = contextlib.nullcontext() if wait is None else wait.on(self.sock)
        with waiting:
            return super().getresponse(*args, **kwargs)  # type: ignore[misc]


def make_cuttable(
    session: requests.Session, request: requests.PreparedRequest, settings: Any
) -> None:
    """See to it that the connections for a request are cuttable, if they are urllib3's."""
    adapter = session.get_adapter(str(request.url))
    if not isinstance(adapter, HTTPAdapter):
        return
    pool: Any = adapter.get_connection_with_tls_context(
        request, settings["verify"], proxies=settings["proxies"], cert=settings["cert"]
    )
    plain = pool.ConnectionCls
    if not issubclass(plain, CuttableConnection):
        # what urllib3 makes connections of; requests of others notice nothing
        pool.ConnectionCls = type(plain.__name__, (CuttableConnection, plain), {})
