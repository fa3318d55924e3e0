"""The types that the public API of this package is written in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

JSON: TypeAlias = Any
"""What JSON can hold: ``None``, numbers, strings, lists, dicts."""

Data: TypeAlias = Any
"""The contents of an event: a tuple is several arguments, ``None`` none, any other value one.
Bytes may be anywhere in lists, tuples and dict values."""

EventHandler: TypeAlias = Callable[..., Any]
"""A function or coroutine function.  What it returns acknowledges the event: a tuple several
values, ``None`` none, any other value one."""

AckCallback: TypeAlias = Callable[..., Any]
"""Called with the values of an acknowledgement; a function or coroutine function."""

Recipients: TypeAlias = "str | Collection[str] | None"
"""A sid, a room, or several of them; ``None`` for everybody in the namespace."""
