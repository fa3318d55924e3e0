"""A channel that remembers, and options with the defaults of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engineio._core.message import Message


@dataclass
class Options:
    ping_interval: float = 25
    ping_interval_grace_period: float = 0
    ping_timeout: float = 20
    max_http_buffer_size: int = 1_000_000
    allow_upgrades: bool = True
    transports: Sequence[str] = ("polling", "websocket")
    http_compression: bool = True
    compression_threshold: int = 1024
    compression_methods: Sequence[str] = ("gzip", "deflate")
    cookie: None = None
    cors_allowed_origins: str = "*"
    cors_credentials: bool = True
    max_send_buffer: int | None = 100_000
    upgrade_timeout: float = 10
    body_timeout: float = 45


@dataclass(eq=False)
class RecordingChannel:
    """Remembers what was written to it."""

    written: list[bytes] = field(default_factory=list)
    closed: int | None = None
    aborted: bool = False
    buffered: int = 0
    unsent: int = 0

    def write(self, messages: list[Message]) -> None:
        self.written += [message.polling for message in messages]

    def close(self, code: int) -> None:
        self.closed = code

    def abort(self) -> None:
        self.aborted = True
