from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from engineio._core.arity import takes


def one(sid: str) -> None: ...


def two(sid: str, reason: str) -> None: ...


def optional(sid: str, data: Any, extra: Any = None) -> None: ...


def many(*args: Any) -> None: ...


def keyword(sid: str, *, reason: str) -> None: ...


class Handler:
    def method(self, sid: str) -> None: ...

    def __call__(self, sid: str, reason: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "counts"),
    [
        (one, {1}),
        (two, {2}),
        (optional, {2, 3}),
        (many, {0, 1, 2, 3}),
        (keyword, set()),
        (Handler().method, {1}),
        (Handler(), {2}),
        (partial(two, "x"), {1}),
    ],
)
def test_the_signature_decides(function: Any, counts: set[int]) -> None:
    assert {count for count in range(4) if takes(function, count)} == counts


def test_a_builtin_without_signature_takes_anything() -> None:
    assert takes(dict.fromkeys, 7) or takes(min, 7)
    assert takes(min, 2)
