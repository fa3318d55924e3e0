"""JSON for packets: compact, bounded, and as fast as what is installed allows.

With orjson and msgspec installed (extra ``fast``) they do the work, but only where the result is
that of the standard library; what they refuse, or would write differently, goes to ``json``.

hot path: one ``dumps`` per emit, one ``loads`` per event.
"""

from __future__ import annotations

import json as standard
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

try:
    import msgspec
    import orjson
except ImportError:
    COMPILED = False
else:
    COMPILED = True

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..typing import JSONModule

MAX_DEPTH = 128
"""Default limit of nested lists and objects in a message: far above what applications send, far
below what exhausts the stack of a parser."""

MAX_INT_DIGITS = 100
"""Default limit of digits in an integer; as python-engineio 4.x."""


class Codec(Protocol):
    """Writes and reads the JSON of packets."""

    def dumps(self, value: Any) -> bytes:
        """Return compact UTF-8 JSON; TypeError for what JSON cannot hold, such as ``bytes``."""
        ...

    def loads(self, text: str) -> Any:
        """Parse JSON; ValueError if it is malformed, too deep, or has too long an integer."""
        ...


def make_codec(
    json: JSONModule | None = None,
    *,
    max_depth: int = MAX_DEPTH,
    max_int_digits: int = MAX_INT_DIGITS,
) -> Codec:
    """Return a codec on a ``json=`` object, or on the fastest JSON that is installed."""
    if json is not None:
        return _ModuleCodec(json, max_depth, max_int_digits)
    if COMPILED:
        return _CompiledCodec(max_depth, max_int_digits)
    return _ModuleCodec(standard, max_depth, max_int_digits)


class _Limits:
    __slots__ = ("_max_depth", "_max_int_digits")

    def __init__(self, max_depth: int, max_int_digits: int) -> None:
        self._max_depth = max_depth
        self._max_int_digits = max_int_digits

    def check(self, text: str) -> None:
        """ValueError for what the limits forbid; next to nothing for ordinary messages."""
        brackets = text.count("[") + text.count("{")
        if brackets > self._max_depth and _depth(text) > self._max_depth:
            raise ValueError(f"JSON nested deeper than {self._max_depth}")
        if len(text) > self._max_int_digits and _has_digits(text, self._max_int_digits + 1):
            raise ValueError(f"JSON integer of more than {self._max_int_digits} digits")


_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _depth(text: str) -> int:
    """How deep the brackets outside of strings nest."""
    outside = _STRINGS.sub(b"", text.encode("utf-8", "surrogatepass"))
    brackets = outside.translate(None, _NOT_BRACKETS)
    return max(accumulate(_STEPS[bracket] for bracket in brackets), default=0)


_DIGIT = re.compile("[0-9]")
_INTEGER = re.compile(rb"(?<![0-9.eE+])[0-9]+(?![0-9.eE])")


def _has_digits(text: str, count: int) -> bool:
    """Whether an integer of at least ``count`` digits is in the text, outside of strings."""
    if not any(
        _is_run(text, match.start() * count, count) for match in _DIGIT.finditer(text[::count])
    ):
        return False
    outside = _STRINGS.sub(b"", text.encode("utf-8", "surrogatepass"))
    return any(len(match[0]) >= count for match in _INTEGER.finditer(outside))


def _is_run(text: str, index: int, count: int) -> bool:
    """Whether the digits around ``index`` are at least ``count``.

    A run of ``count`` digits covers a multiple of ``count``, so nobody looks elsewhere.
    """
    start = end = index
    while start > 0 and text[start - 1] in "0123456789" and index - start < count:
        start -= 1
    while end < len(text) and text[end] in "0123456789" and end - start < count:
        end += 1
    return end - start >= count


class _ModuleCodec(_Limits):
    __slots__ = ("_dumps", "_loads")

    def __init__(self, json: JSONModule, max_depth: int, max_int_digits: int) -> None:
        super().__init__(max_depth, max_int_digits)
        self._dumps = json.dumps
        self._loads: Callable[[str], Any] = json.loads

    def dumps(self, value: Any) -> bytes:
        return self._dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass")

    def loads(self, text: str) -> Any:
        self.check(text)
        return self._loads(text)


if COMPILED:
    _OPTIONS = (
        orjson.OPT_PASSTHROUGH_DATACLASS
        | orjson.OPT_PASSTHROUGH_DATETIME
        | orjson.OPT_PASSTHROUGH_SUBCLASS
    )
    _orjson_dumps = orjson.dumps
    _msgspec_loads = msgspec.json.Decoder().decode


class _CompiledCodec(_Limits):
    __slots__ = ()

    def dumps(self, value: Any) -> bytes:
        try:
            encoded = _orjson_dumps(value, None, _OPTIONS)
        except TypeError:
            return _standard_dumps(value)
        # orjson writes NaN and infinities as null, the standard library by their names
        return encoded if b"null" not in encoded else _standard_dumps(value)

    def loads(self, text: str) -> Any:
        self.check(text)
        try:
            return _msgspec_loads(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return standard.loads(text)


def _standard_dumps(value: Any) -> bytes:
    return standard.dumps(value, separators=(",", ":")).encode()
