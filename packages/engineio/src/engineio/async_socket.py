"""The module name under which applications look for the asyncio server's connection objects."""

from __future__ import annotations

from ._core.session import Session as AsyncSocket

__all__ = ["AsyncSocket"]
