"""What the synchronous façade needs from threads, under the names of ``_aio``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Sleep: TypeAlias = "Callable[[float], None]"


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the application and return its result."""
    return function(*args)
