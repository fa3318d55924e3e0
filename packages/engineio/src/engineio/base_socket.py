"""The module name under which applications look for the server's connection objects."""

from __future__ import annotations

from ._core.session import Session as BaseSocket

__all__ = ["BaseSocket"]
