"""The twins of both colours offer the same names, parameters, defaults and annotations."""

from __future__ import annotations

import pytest
from twin_support import Pair, coroutine_functions, find_pairs, shapes

import socketio

PAIRS = find_pairs(socketio)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.twin.__name__)
def test_twins_have_the_same_shape(pair: Pair) -> None:
    assert shapes(pair.twin) == shapes(pair.source)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.twin.__name__)
def test_a_twin_has_no_coroutine_function(pair: Pair) -> None:
    assert coroutine_functions(pair.twin) == []


def test_the_twins_are_found() -> None:
    assert socketio.Client.__module__ in [pair.twin.__name__ for pair in PAIRS]
