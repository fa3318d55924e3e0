"""The keyword options of a server, for type checkers; described in ``BaseServer``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engineio._core.cookies import CookieOption
    from engineio._core.cors import OriginsOption
    from engineio.typing import LoggerLike

    from .packet import Packet


class EngineOptions(TypedDict, total=False):
    """What goes to the Engine.IO server."""

    async_mode: str | None
    ping_interval: float | tuple[float, float]
    ping_timeout: float
    max_http_buffer_size: int
    allow_upgrades: bool
    http_compression: bool
    compression_threshold: int
    cookie: CookieOption
    cors_allowed_origins: OriginsOption
    cors_credentials: bool
    monitor_clients: bool | None
    transports: str | Sequence[str] | None
    max_send_buffer: int | None
    upgrade_timeout: float
    body_timeout: float
    max_payload_packets: int
    engineio_logger: bool | LoggerLike


class LimitOptions(EngineOptions, total=False):
    """What every server takes besides its named parameters."""

    connect_timeout: float
    attachment_timeout: float
    max_attachments: int
    max_attachment_bytes: int | None
    max_handlers: int
    max_namespaces: int
    max_json_depth: int
    max_json_int_digits: int


class AsyncServerOptions(LimitOptions, total=False):
    """What the asyncio server takes besides its named parameters, which are fewer."""

    serializer: str | type[Packet]
    always_connect: bool
