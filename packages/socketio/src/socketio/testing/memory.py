"""What stands in for HTTP and the network: a handshake request, and the near end of a connection.

Neither knows anything of threads or tasks; ``_aio`` and ``_sync`` add how frames are handed on.
"""

from __future__ import annotations

import io
from collections import deque
from typing import TYPE_CHECKING, Any

from engineio._shell.environ import NoBody, make_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engineio._core.message import Message
    from engineio._core.request import Reply
    from engineio.typing import Environ

    from .peer import Peer

PATH = "/socket.io/"
SERVER = ("testserver", 80)
CLIENT = ("127.0.0.1", 50_000)


class MemoryRequest:
    """The handshake of a client that comes in by WebSocket; implements ``Request``."""

    method = "GET"
    scheme = "http"
    websocket = True
    has_socket = True

    def __init__(
        self,
        link: Link,
        query: str,
        headers: Mapping[str, str],
        extra: Mapping[str, Any],
        *,
        asyncio: bool,
    ) -> None:
        self.link = link
        self.query: str = "EIO=4&transport=websocket" + (f"&{query}" if query else "")
        self.reply: Reply | None = None
        """The answer of a server that refuses the connection."""
        self._headers = {"host": SERVER[0], **{name.lower(): headers[name] for name in headers}}
        self._extra = extra
        self._asyncio = asyncio
        self._environ: Environ | None = None

    def header(self, name: str) -> str | None:
        """Look a header up."""
        return self._headers.get(name)

    def environ(self) -> Environ:
        """Build what the connect handler gets, once."""
        if self._environ is None:
            environ = make_environ(
                self,
                software="socketio.testing",
                uri=f"{PATH}?{self.query}",
                version="1.1",
                body=NoBody() if self._asyncio else io.BytesIO(),
                headers=self._headers.items(),
                server=SERVER,
                client=CLIENT,
            )
            if self._asyncio:
                environ["asgi.scope"] = self._scope()
            else:
                environ |= {"wsgi.async": False, "wsgi.multithread": True}
            self._environ = {**environ, **self._extra}
        return self._environ

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "websocket",
            "scheme": "ws",
            "path": PATH,
            "query_string": self.query.encode(),
            "headers": [(name.encode(), text.encode()) for name, text in self._headers.items()],
            "server": SERVER,
            "client": CLIENT,
        }


class Link:
    """The connection between a server and a client; implements ``Channel`` for the server.

    Frames to the client are kept until ``drain``: a channel is written to while the server does
    something else.
    """

    buffered = 0
    unsent = 0

    def __init__(self) -> None:
        self.peer: Peer
        self._inbox: deque[str | bytes | None] = deque()
        """Frames for the client; ``None`` is the end of the connection."""

    def write(self, messages: list[Message]) -> None:
        """Take messages for the client."""
        for message in messages:
            self._inbox.append(message.payload if message.binary else message.text)
        self._wake()

    def close(self, code: int) -> None:
        """End the connection once the client has what was written."""
        self._inbox.append(None)
        self._wake()

    def abort(self) -> None:
        """End the connection now."""
        self._inbox.clear()
        self.close(0)

    def drain(self) -> None:
        """Give the client what has been written."""
        while self._inbox:
            frame = self._inbox.popleft()
            if frame is None:
                self.drop()
            else:
                self.peer.take(frame)

    def drop(self) -> None:
        """End the connection as a broken cable does."""
        if self.peer.open:
            self.peer.end()
            self._lost()

    def _wake(self) -> None:
        """Have ``drain`` called before long."""
        raise NotImplementedError

    def deliver(self, frames: list[str | bytes]) -> None:
        """Give the server frames of the client, in order."""
        raise NotImplementedError

    def _lost(self) -> None:
        """Tell the server that the connection has ended, after what was delivered."""
        raise NotImplementedError
