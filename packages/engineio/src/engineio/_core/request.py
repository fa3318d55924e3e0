"""What the engine sees of an HTTP request, and what it answers: no framework, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..typing import Environ


class Request(Protocol):
    """One request to the Engine.IO path; each driver wraps its framework's own object."""

    @property
    def method(self) -> str:
        """Upper-case HTTP method; ``GET`` for a WebSocket handshake."""
        ...

    @property
    def query(self) -> str:
        """The raw query string, still percent-encoded, without ``?``."""
        ...

    @property
    def scheme(self) -> str:
        """``http`` or ``https`` (also for ``ws`` and ``wss``)."""
        ...

    @property
    def websocket(self) -> bool:
        """True if this request asks for a WebSocket and the driver can give one."""
        ...

    def header(self, name: str) -> str | None:
        """The value of a header (lower-case name), or ``None``; repeats are joined with ``,``."""
        ...

    def environ(self) -> Environ:
        """The WSGI-like dict for handlers, built on the first call and then kept."""
        ...


@dataclass(slots=True)
class Reply:
    """A finished HTTP answer."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status_line(self) -> str:
        """Status and phrase as WSGI wants them, e.g. ``400 BAD REQUEST``."""
        phrase = HTTPStatus(self.status).phrase
        return f"{self.status} {phrase if self.status == HTTPStatus.OK else phrase.upper()}"
