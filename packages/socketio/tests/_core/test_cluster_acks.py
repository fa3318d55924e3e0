from __future__ import annotations

from typing import TYPE_CHECKING

from socketio._core.cluster_acks import ClusterAcks

if TYPE_CHECKING:
    from collections.abc import Callable


def first(*args: object) -> None: ...


def second(*args: object) -> None: ...


def stand_in(*args: object) -> None: ...


def make_local(id: int) -> Callable[..., None]:
    return stand_in


def test_a_callback_is_handed_out_once() -> None:
    acks = ClusterAcks()
    id, local = acks.add("room", first, make_local)

    pending = acks.pop(id)

    assert local is stand_in
    assert pending is not None
    assert pending.callback is first
    assert acks.pop(id) is None
    assert len(acks) == 0


def test_ids_are_used_once_whatever_the_room() -> None:
    acks = ClusterAcks()

    ids = [acks.add(room, first, make_local)[0] for room in ("a", "b", "a")]
    acks.pop(ids[0])

    assert ids == [1, 2, 3]
    assert acks.add("a", first, make_local)[0] == 4


def test_what_stands_in_for_a_callback_is_made_with_its_id() -> None:
    ids: list[int] = []

    def note(id: int) -> Callable[..., None]:
        ids.append(id)
        return stand_in

    acks = ClusterAcks()
    acks.add("a", first, note)
    acks.add("a", first, note)

    assert ids == [1, 2]


def test_over_the_limit_the_oldest_is_dropped_and_counted() -> None:
    acks = ClusterAcks(max_pending=2)
    ids = [acks.add("a", first, make_local)[0] for _ in range(3)]

    assert [acks.pop(id) is None for id in ids] == [True, False, False]
    assert acks.dropped == 1


def test_the_newest_of_equal_callbacks_is_forgotten() -> None:
    acks = ClusterAcks()
    ids = [acks.add("a", callback, make_local)[0] for callback in (first, first, second)]

    assert acks.forget(first) is stand_in

    assert [acks.pop(id) is None for id in ids] == [False, True, False]
    assert acks.forget(first) is None


def test_callbacks_of_a_recipient_that_has_gone_are_given_up() -> None:
    acks = ClusterAcks()
    acks.add("a", first, make_local)
    kept, _ = acks.add("b", first, make_local)
    acks.add("a", second, make_local)

    assert acks.give_up("a") == [first, second]

    assert acks.give_up("a") == []
    assert acks.pop(kept) is not None
