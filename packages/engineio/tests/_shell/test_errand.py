"""Tests for engineio._shell.errand."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from engineio._shell.errand import Errand

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


class Connection:
    """Something that a failed errand must let go of."""


def test_the_result_is_returned() -> None:
    assert Errand(lambda: 42).wait(PATIENCE) == 42


def test_a_failure_holds_nothing_of_the_frames_that_it_came_through(
    no_garbage_collection: None,
) -> None:
    held: list[weakref.ref[Connection]] = []

    def fail() -> None:
        connection = Connection()
        held.append(weakref.ref(connection))
        try:
            raise OSError("the cause")
        except OSError as error:
            kept = error  # as urllib3 does: the frame and the exception hold each other
            raise ValueError(f"the effect of {kept}") from kept

    with pytest.raises(ValueError, match="the effect of the cause"):
        Errand(fail).wait(PATIENCE)

    assert held[0]() is None
