from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engineio._core.deadlines import Deadlines


def test_items_expire_in_the_order_in_which_they_are_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("a", 1)
    deadlines.arm("b", 2)
    deadlines.arm("c", 3)

    assert deadlines.next() == 1
    assert deadlines.expire(2) == ["a", "b"]
    assert deadlines.next() == 3
    assert len(deadlines) == 1


def test_arming_again_moves_the_deadline() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("a", 1)
    deadlines.arm("b", 2)
    deadlines.arm("a", 3)

    assert deadlines.expire(2) == ["b"]
    assert "a" in deadlines


def test_it_tells_when_an_item_is_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("a", 3)

    assert deadlines.due("a") == 3
    assert deadlines.due("b") is None


def test_a_disarmed_item_does_not_expire() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("a", 1)

    assert deadlines.disarm("a") is True
    assert deadlines.disarm("a") is False
    assert deadlines.expire(9) == []
    assert deadlines.next() is None


def test_a_shorter_delay_overtakes() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("slow", 100)
    deadlines.arm("quick", 5)

    assert deadlines.next() == 5
    assert deadlines.expire(5) == ["quick"]
    assert deadlines.next() == 100


def test_sorting_an_emptied_line_is_harmless() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.arm("slow", 100)
    deadlines.arm("quick", 5)
    deadlines.disarm("slow")
    deadlines.disarm("quick")

    assert deadlines.next() is None
    assert deadlines.expire(1000) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 50)))))
def test_it_agrees_with_a_plain_dict(steps: list[tuple[int, int | None]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    model: dict[int, float] = {}
    for item, due in steps:
        if due is None:
            assert deadlines.disarm(item) is (model.pop(item, None) is not None)
        else:
            deadlines.arm(item, due)
            model[item] = due

    assert deadlines.next() == min(model.values(), default=None)
    assert set(deadlines.expire(25)) == {item for item, due in model.items() if due <= 25}
    assert len(deadlines) == sum(due > 25 for due in model.values())
