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

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec
    import orjson

    from ..typing import JSONModule

try:
    import msgspec
    import orjson
except ImportError:
    COMPILED = False
else:
    COMPILED = True

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
    __slots__ = ("_digits", "_harmless", "_max_depth", "_max_int_digits", "_run", "_stride")

    def __init__(self, max_depth: int, max_int_digits: int) -> None:
        self._max_depth = max_depth
        self._max_int_digits = max_int_digits
        self._harmless = min(max_depth, max_int_digits)
        """Characters that cannot break a limit."""
        run = max_int_digits + 1
        self._run = b"0" * run
        # a run of digits covers this many neighbours among every ``stride``-th character
        self._stride = max(run // 4, 1)
        self._digits = re.compile(f"[0-9]{{{run // self._stride}}}")

    def check(self, text: str) -> None:
        """ValueError for what the limits forbid; next to nothing for ordinary messages."""
        brackets = text.count("[") + text.count("{")
        if brackets > self._max_depth and _is_too_deep(text, self._max_depth):
            raise ValueError(f"JSON nested deeper than {self._max_depth}")
        if len(text) > self._max_int_digits and self._has_long_integer(text):
            raise ValueError(f"JSON integer of more than {self._max_int_digits} digits")

    def _has_long_integer(self, text: str) -> bool:
        if not self._digits.search(text[:: self._stride]):
            return False
        raw = text.encode("utf-8", "surrogatepass")
        if self._run not in raw.translate(_DIGITS_TO_ZERO):
            return False
        outside = b'"'.join(_without_escapes(raw).split(b'"')[::2])
        return any(len(match[0]) > self._max_int_digits for match in _INTEGER.finditer(outside))


_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_INTEGER = re.compile(rb"(?<![0-9.eE+])[0-9]+(?![0-9.eE])")
_NOT_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SHALLOW_ROUNDS = 4


def _without_escapes(raw: bytes) -> bytes:
    """JSON in which each quote begins or ends a string; linear for malformed text too."""
    if b"\\" not in raw:
        return raw
    return raw.replace(b"\\\\", b"").replace(b'\\"', b"")


def _is_too_deep(text: str, max_depth: int) -> bool:
    """Whether the brackets outside of strings nest deeper than ``max_depth``."""
    raw = _without_escapes(text.encode("utf-8", "surrogatepass"))
    marks = raw.translate(None, _NOT_MARKS).replace(b'""', b"")
    if b'"' in marks:  # strings with brackets in them
        marks = b"".join(marks.split(b'"')[::2])
    # a round takes at most two levels away, and for most texts few rounds take all
    rest = marks
    for _ in range(min(_SHALLOW_ROUNDS, max_depth // 2)):
        rest = rest.replace(b"{}", b"").replace(b"[]", b"")
        if not rest:
            return False
    return max(accumulate(map(_STEPS.__getitem__, marks)), default=0) > max_depth


class _ModuleCodec(_Limits):
    __slots__ = ("_dumps", "_loads")

    def __init__(self, json: JSONModule, max_depth: int, max_int_digits: int) -> None:
        super().__init__(max_depth, max_int_digits)
        self._dumps = json.dumps
        self._loads: Callable[[str], Any] = json.loads

    def dumps(self, value: Any) -> bytes:
        return self._dumps(value, separators=(",", ":")).encode()

    def loads(self, text: str) -> Any:
        self.check(text)
        return _bounded(self._loads, text)


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
        if len(text) > self._harmless:
            self.check(text)
        try:
            return _msgspec_loads(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return _bounded(standard.loads, text)


def _bounded(loads: Callable[[str], Any], text: str) -> Any:
    """Parse where ``max_depth`` is above what the stack holds."""
    try:
        return loads(text)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None


def _standard_dumps(value: Any) -> bytes:
    return standard.dumps(value, separators=(",", ":")).encode()
