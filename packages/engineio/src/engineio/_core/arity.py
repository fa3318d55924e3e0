"""How many positional arguments a handler takes, decided from its signature."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def takes(function: Callable[..., Any], count: int) -> bool:
    """Return True if ``function`` can be called with ``count`` positional arguments.

    A callable without a readable signature (some built-ins) is taken to accept them.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True
