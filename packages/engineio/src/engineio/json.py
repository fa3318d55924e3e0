"""The standard ``json`` module, with a limit to the length of integers.

Parsing a very long integer takes time that grows with the square of its length.
"""

from __future__ import annotations

import json
from json import JSONDecodeError as JSONDecodeError
from json import JSONDecoder as JSONDecoder
from json import JSONEncoder as JSONEncoder
from json import dump as dump
from json import dumps as dumps
from json import load as load
from typing import Any

MAX_INT_DIGITS = 100
"""Digits of the longest integer that ``loads`` reads; as python-engineio 4.x."""


def _safe_int(text: str) -> int:
    if len(text) > MAX_INT_DIGITS:
        raise ValueError(f"JSON integer of more than {MAX_INT_DIGITS} digits")
    return int(text)


def loads(*args: Any, **kwargs: Any) -> Any:
    """Like ``json.loads``; ValueError for too long an integer, unless ``parse_int`` is given."""
    return json.loads(*args, **{"parse_int": _safe_int} | kwargs)
