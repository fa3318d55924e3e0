"""Which function handles an event, and how it wants to be called.

hot path: ``resolve`` runs once per event; nothing is cached, because applications replace and
delete entries of ``handlers`` at run time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from traceback import walk_tb
from types import MethodType
from typing import Any, NamedTuple, TypeAlias

Handler: TypeAlias = Callable[..., Any]
Handlers: TypeAlias = Mapping[str, Mapping[str, Handler]]

CATCH_ALL = "*"

RESERVED = ("connect", "disconnect")
"""Events of a server that no catch-all event handler sees."""

CACHED_SHAPES = 4096
"""Functions whose signature is remembered."""

_NONE: Mapping[str, Handler] = {}


def resolve(
    handlers: Handlers, namespace: str, event: str, reserved: Collection[str] = RESERVED
) -> tuple[Handler, tuple[str, ...]] | None:
    """Return the handler of an event and the names to call it with first; ``None`` without one.

    In this order: the event in the namespace, any event in the namespace, the event in any
    namespace, any event in any namespace.  An event that a peer names ``*`` is one among any: it
    must not get the sid's place in the arguments of a catch-all handler.
    """
    found = handlers.get(namespace)
    if found is not None:
        handler = found.get(event)
        if handler is not None and event != CATCH_ALL:
            return handler, ()
        if event not in reserved and (handler := found.get(CATCH_ALL)) is not None:
            return handler, (event,)
    found = handlers.get(CATCH_ALL, _NONE)
    if (handler := found.get(event)) is not None and event != CATCH_ALL:
        return handler, (namespace,)
    if event not in reserved and (handler := found.get(CATCH_ALL)) is not None:
        return handler, (event, namespace)
    return None


class Shape(NamedTuple):
    """What the signature of a handler says."""

    is_coroutine: bool
    min_args: int
    """Positional arguments without a default."""
    max_args: int | None
    """Positional arguments it takes at most; ``None`` for any number."""

    def takes(self, count: int) -> bool:
        """Return True if it can be called with ``count`` positional arguments."""
        return self.min_args <= count and (self.max_args is None or count <= self.max_args)


def describe(function: Handler) -> Shape:
    """Look at the signature of a handler; one without a readable signature takes anything."""
    try:
        return _remembered(function)
    except TypeError:  # an object with ``__call__`` need not be hashable
        return _describe(function)


def _describe(function: Handler) -> Shape:
    call = type(function).__call__  # that of an object, not that of the objects of a class
    is_coroutine = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
    try:
        parameters = _parameters(function)
    except (TypeError, ValueError):
        return Shape(is_coroutine, 0, None)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in positional)
    endless = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return Shape(is_coroutine, required, None if endless else len(positional))


_remembered = lru_cache(CACHED_SHAPES)(_describe)


def _parameters(function: Handler) -> list[inspect.Parameter]:
    """The parameters of a function, or behind a wrapper with ``*args`` those it passes on to.

    A wrapper (``functools.wraps``) that names its parameters means them, whatever it wraps.  If
    those before its ``*args`` are not the first ones of what it wraps, it may pass on anything.
    """
    parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is None or all(p.kind is not p.VAR_POSITIONAL for p in parameters):
        return parameters
    if inspect.ismethod(function):
        wrapped = MethodType(wrapped, function.__self__)
    behind = _parameters(wrapped)
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return behind if named == [p.name for p in behind[: len(named)]] else parameters


def wants_less(function: Handler, event: str, error: TypeError) -> bool:
    """Return True for a wrapped handler that has failed because it got one argument too many.

    It takes anything, and what it wraps had not begun when the error was raised.
    """
    if event not in RESERVED or not hasattr(function, "__wrapped__"):
        return False
    if describe(function).max_args is not None:
        return False
    code = getattr(inspect.unwrap(function), "__code__", None)
    return all(frame.f_code is not code for frame, _ in walk_tb(error.__traceback__))


def fit(function: Handler, event: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Drop the last argument for handlers written before it existed.

    ``connect`` handlers may leave out ``auth``, ``disconnect`` handlers the reason.
    """
    if event in RESERVED and args and not describe(function).takes(len(args)):
        return args[:-1]
    return args
