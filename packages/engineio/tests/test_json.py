from __future__ import annotations

import json as standard

import pytest

from engineio import json


def test_it_has_the_names_of_the_standard_module() -> None:
    for name in standard.__all__:
        assert hasattr(json, name)
    assert json.dumps is standard.dumps


def test_loads_reads_integers_up_to_its_limit() -> None:
    longest = "1" * json.MAX_INT_DIGITS

    assert json.loads(longest) == int(longest)
    with pytest.raises(ValueError, match="100 digits"):
        json.loads(f"[{longest}1]")


def test_loads_counts_only_integers() -> None:
    assert json.loads("0." + "1" * 200) == pytest.approx(1 / 9)
    assert json.loads(f'"{"1" * 200}"') == "1" * 200


def test_parse_int_of_the_caller_replaces_the_limit() -> None:
    assert json.loads("1" * 200, parse_int=len) == 200
