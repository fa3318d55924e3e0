"""A request that is nothing but data, and the options of a server that was given none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class FakeRequest:
    query: str = "EIO=4&transport=polling"
    method: str = "GET"
    websocket: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    scheme: str = "http"

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def environ(self) -> dict[str, Any]:
        return {"REQUEST_METHOD": self.method}


@dataclass
class ServerOptions:
    ping_interval: float = 25
    ping_interval_grace_period: float = 0
    ping_timeout: float = 20
    max_http_buffer_size: int = 1_000_000
    allow_upgrades: bool = True
    transports: list[str] = field(default_factory=lambda: ["polling", "websocket"])
    http_compression: bool = True
    compression_threshold: int = 1024
    compression_methods: Sequence[str] = ("gzip", "deflate")
    cookie: Any = None
    cors_allowed_origins: Any = None
    cors_credentials: bool = True
    max_send_buffer: int | None = None
    upgrade_timeout: float = 10
    body_timeout: float = 45
