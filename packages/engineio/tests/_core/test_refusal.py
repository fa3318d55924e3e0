from __future__ import annotations

from engineio._core.refusal import Refusal


def test_a_refusal_keeps_its_value() -> None:
    assert Refusal("not you").value == "not you"
