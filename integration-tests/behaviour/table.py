"""The table of a run: mode x transport x feature, as a page of the documentation.

``make matrix`` writes docs/modes.md, with ``--full --table docs/modes.md``.  A feature is what a
test is marked with.  What some mode does and another does not needs the latter's note.
"""

from __future__ import annotations

import platform
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from .servers import MODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LETTERS = {"polling": "P", "websocket": "W", "upgrade": "U"}
FAMILIES = {
    "asgi": "asyncio, ASGI",
    "aiohttp": "asyncio, frameworks",
    "tornado": "asyncio, frameworks",
    "sanic": "asyncio, frameworks",
    "threading": "Threads",
    "gevent": "Greenlets",
    "eventlet": "Greenlets",
    "gevent_uwsgi": "Greenlets",
}
INTRODUCTION = """\
# What works where

<!-- Written by `make matrix`; do not edit. -->

What was tested of each server, with `Client`, `AsyncClient`, `SimpleClient`, `AsyncSimpleClient`
and the official JavaScript client, as far as each of them has the feature: over long-polling
(**P**), over WebSocket (**W**), and with the upgrade (**U**) from the one to the other. How each
server is started is in [deployment](guide/deployment.md).

One run of all combinations: {tests:,} tests, {outcome}, Python {python}.
"""


class Cell(NamedTuple):
    """What one or more tests are about."""

    mode: str
    transport: str
    feature: str


class Table:
    """Collects the results of a run."""

    def __init__(self) -> None:
        self._passed: Counter[Cell] = Counter()
        self._failed: Counter[Cell] = Counter()

    def add(self, cell: Cell, *, passed: bool) -> None:
        """Count a test; one that was skipped has not passed."""
        (self._passed if passed else self._failed)[cell] += 1

    def write(self, path: Path) -> None:
        """Write the page; ``ValueError`` if it has a gap that no note explains."""
        failed = self._failed.total()
        introduction = INTRODUCTION.format(
            tests=self._passed.total() + failed,
            outcome=f"{failed} failed" if failed else "all passed",
            python=platform.python_version(),
        )
        families = groupby(MODES, lambda mode: FAMILIES[MODES[mode].async_mode])
        sections = [self._section(title, list(modes)) for title, modes in families]
        path.write_text("\n".join([introduction, *sections]))

    def _section(self, title: str, modes: list[str]) -> str:
        notes = [f"{MODES[mode].title}: {MODES[mode].note}\n" for mode in modes if MODES[mode].note]
        rows = [
            [feature, *[self._cell(mode, feature) for mode in modes]] for feature in self._features
        ]
        head = ["", *[MODES[mode].title + (" \\*" if MODES[mode].note else "") for mode in modes]]
        lines = [head, ["---"] * len(head), *rows]
        table = "".join([f"| {' | '.join(line)} |\n" for line in lines])
        return "\n".join([f"## {title}\n", table, *[f"\\* {note}" for note in notes]])

    def _cell(self, mode: str, feature: str) -> str:
        transports = self._transports(Cell(mode, "", feature))
        missing = self._transports(Cell("", "", feature)) - transports
        if missing and not MODES[mode].note:
            raise ValueError(f"no note says why {mode} does not have {feature!r} over {missing}")
        return " ".join(self._letters(mode, feature, transports)) or "–"

    def _letters(self, mode: str, feature: str, transports: set[str]) -> Iterator[str]:
        for transport, letter in LETTERS.items():
            if transport in transports:
                failed = self._failed[Cell(mode, transport, feature)]
                yield f"**{letter}: {failed} failed**" if failed else letter

    def _transports(self, wanted: Cell) -> set[str]:
        """Those over which a feature was tested, with one mode or with any."""
        return {
            cell.transport
            for cell in self._all
            if cell.feature == wanted.feature and wanted.mode in ("", cell.mode)
        }

    @property
    def _features(self) -> list[str]:
        return sorted({cell.feature for cell in self._all}, key=str.lower)

    @property
    def _all(self) -> Iterable[Cell]:
        return self._passed.keys() | self._failed.keys()
