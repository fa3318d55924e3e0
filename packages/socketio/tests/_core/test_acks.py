from __future__ import annotations

import pytest

from socketio._core.acks import AckTable


def first(*args: object) -> None: ...


def second(*args: object) -> None: ...


def test_ids_count_from_one_for_each_key() -> None:
    table = AckTable()

    ids = [table.add("a", first), table.add("a", first), table.add("b", first)]

    assert ids == [1, 2, 1]


def test_a_callback_is_handed_out_once() -> None:
    table = AckTable()
    id = table.add("a", first)

    assert table.pop("a", id) is first
    assert table.pop("a", id) is None


@pytest.mark.parametrize(("key", "id"), [("a", 0), ("a", 2), ("a", -1), ("b", 1), ("a", 10**16)])
def test_an_unknown_acknowledgement_changes_nothing(key: str, id: int) -> None:
    table = AckTable()
    table.add("a", first)

    assert table.pop(key, id) is None

    assert table.callbacks == {"a": {1: first}}
    assert table.add("a", second) == 2


def test_an_id_is_not_used_again_after_its_acknowledgement() -> None:
    table = AckTable()
    table.pop("a", table.add("a", first))

    assert table.add("a", second) == 2


def test_over_the_limit_the_oldest_callback_of_the_key_is_dropped() -> None:
    table = AckTable(max_pending=2)
    table.add("b", first)
    ids = [table.add("a", first), table.add("a", first), table.add("a", second)]

    assert ids == [1, 2, 3]
    assert table.callbacks == {"b": {1: first}, "a": {2: first, 3: second}}
    assert table.dropped == 1


def test_forget_removes_the_newest_of_equal_callbacks_only() -> None:
    table = AckTable()
    for callback in (first, first, second):
        table.add("a", callback)

    table.forget("a", first)

    assert table.callbacks == {"a": {1: first, 3: second}}


@pytest.mark.parametrize("key", ["a", "unknown"])
def test_forgetting_what_is_not_there_changes_nothing(key: str) -> None:
    table = AckTable()
    table.add("a", first)

    table.forget(key, second)

    assert table.callbacks == {"a": {1: first}}


def test_dropping_a_key_returns_what_will_never_be_called() -> None:
    table = AckTable()
    table.add("a", first)
    table.add("a", second)
    table.add("b", first)

    assert table.drop("a") == [first, second]
    assert table.drop("a") == []

    assert table.callbacks == {"b": {1: first}}
    assert table.add("a", first) == 1


def test_everything_can_be_dropped_at_once() -> None:
    table = AckTable()
    table.add("a", first)
    table.add("b", second)

    assert table.drop() == [first, second]

    assert table.callbacks == {}
    assert table.add("b", first) == 1
