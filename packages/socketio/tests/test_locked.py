from __future__ import annotations

import inspect

import pytest

from socketio._core.acks import AckTable
from socketio._core.registry import Registry
from socketio._locked import LockedAckTable, LockedRegistry

ATOMIC = {"is_pending", "sid", "is_sid"}
"""One look-up in dicts that are never replaced, or nothing but another method."""


@pytest.mark.parametrize(
    ("plain", "locked"), [(Registry, LockedRegistry), (AckTable, LockedAckTable)]
)
def test_every_method_is_locked(plain: type, locked: type) -> None:
    methods = {
        name
        for name, value in vars(plain).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }

    assert methods - ATOMIC == methods & set(vars(locked))


def test_members_are_a_copy() -> None:
    registry = LockedRegistry()
    registry.pre_connect("sid", "eio", "/")
    registry.connect("sid", "/")

    members = registry.members("/", None)
    registry.disconnect("sid", "/")

    assert members == {"sid": "eio"}


def test_callbacks_are_counted_from_one() -> None:
    acks = LockedAckTable()

    assert [acks.add("sid", print), acks.add("sid", print)] == [1, 2]
    assert acks.pop("sid", 1) is print
    assert acks.drop("sid") == [print]
