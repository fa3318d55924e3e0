"""Which combinations run: a pairwise selection, or all of them."""

from __future__ import annotations

import zlib
from itertools import combinations
from typing import NamedTuple


class Combination(NamedTuple):
    """One test with one server, client and transport."""

    test: str
    mode: str
    client: str
    transport: str


def pick_pairwise(possible: list[Combination]) -> set[Combination]:
    """Pick so that each test meets each mode, client and transport, and these meet each other.

    One combination for each test and mode: the one with the most pairs that no earlier one has.
    """
    rows: dict[tuple[str, str], list[Combination]] = {}
    for combination in possible:
        rows.setdefault((combination.test, combination.mode), []).append(combination)
    covered: set[tuple[str, str]] = set()
    picked = set()
    for row, candidates in rows.items():
        # where several are as good, not always the first
        start = zlib.crc32(repr(row).encode()) % len(candidates)
        best = max(
            [*candidates[start:], *candidates[:start]],
            key=lambda candidate: len(pairs_of(candidate) - covered),
        )
        covered |= pairs_of(best)
        picked.add(best)
    return picked


def pairs_of(combination: Combination) -> set[tuple[str, str]]:
    named = [f"{name} {value}" for name, value in combination._asdict().items()]
    return set(combinations(named, 2))
