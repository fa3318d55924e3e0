"""Packages that talk to brokers: what they log of their own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from socketio._packages import load_package

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.filterwarnings("ignore:.*Use files")  # kafka-python's own


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("kafka")
    before = logger.level
    yield logger
    logger.setLevel(before)


def test_a_package_that_logs_each_attempt_is_silenced(logger: logging.Logger) -> None:
    logger.setLevel(logging.NOTSET)

    load_package("kafka", object(), "kafka-python", "kafka")

    assert not logger.isEnabledFor(logging.ERROR)


def test_unless_the_application_wants_to_read_it(logger: logging.Logger) -> None:
    logger.setLevel(logging.INFO)

    load_package("kafka", object(), "kafka-python", "kafka")

    assert logger.level == logging.INFO
