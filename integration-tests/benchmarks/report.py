"""Turn the rounds of a run into tables: absolute numbers, and ratios of the same run.

An absolute number is the median over the rounds.  A ratio is the median of the ratios within each
round, where the two servers ran close to each other: drift of the machine cancels.
"""

from __future__ import annotations

import platform
from statistics import median
from typing import TYPE_CHECKING

from workloads import ROWS, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servers import Server

Rounds = list[dict[str, Rows]]  # one dict per round: server name -> row name -> metrics
Cells = dict[str, dict[str, float]]  # row name -> server name -> number
Marks = dict[tuple[str, str], str]  # row name, server name -> mark behind the number

BUSY = 0.95  # a load this busy may be the limit: its throughput and latency are marked
_OTHERS = "~ other processes disturbed it"
DISTURBED = 0.1  # other processes held a core for this share of the time: the number is marked


def cell(rounds: Rounds, server: str, row: str, metric: str) -> float | None:
    """Return the median of a number over the rounds that have it."""
    numbers = [
        entry[server][row][metric]
        for entry in rounds
        if metric in entry.get(server, {}).get(row, {})
    ]
    return median(numbers) if numbers else None


def cells(rounds: Rounds, servers: Sequence[Server], metric: str) -> Cells:
    """Return a table of one metric."""
    table: Cells = {}
    for row in ROWS:
        for server in servers:
            number = cell(rounds, server.name, row, metric)
            if number is not None:
                table.setdefault(row, {})[server.name] = number
    return table


def ratios(rounds: Rounds, ours: str, servers: Sequence[Server], metric: str) -> Cells:
    """Return ours divided by each other server; below 1 ours needs less."""
    table: Cells = {}
    for row in ROWS:
        for server in servers:
            quotients = [
                entry[ours][row][metric] / entry[server.name][row][metric]
                for entry in rounds
                if metric in entry.get(ours, {}).get(row, {})
                and entry.get(server.name, {}).get(row, {}).get(metric)
            ]
            if quotients and server.name != ours:
                table.setdefault(row, {})[server.name] = median(quotients)
    return table


def _render(title: str, table: Cells, servers: Sequence[Server], form: str, marks: Marks) -> str:
    shown = [server for server in servers if any(server.name in row for row in table.values())]
    if not shown:
        return ""
    widths = [max(10, len(server.name)) for server in shown]
    columns = list(zip(shown, widths, strict=True))
    lines = [title, " " * 38 + "  ".join(f"{server.name:>{width}}" for server, width in columns)]
    for row, numbers in table.items():
        texts = []
        for server, width in columns:
            text = format(numbers[server.name], form) if server.name in numbers else "-"
            texts.append(f"{text + marks.get((row, server.name), ''):>{width}}")
        lines.append(f"{ROWS[row]:<38}" + "  ".join(texts))
    return "\n".join(lines) + "\n"


def _marks(mark: str, table: Cells, limit: float) -> Marks:
    return {
        (row, server): mark
        for row, numbers in table.items()
        for server, number in numbers.items()
        if number > limit
    }


def text(rounds: Rounds, servers: Sequence[Server]) -> str:
    """Return the whole report."""
    disturbed = _marks("~", cells(rounds, servers, "disturbed"), DISTURBED)
    unsure = disturbed | _marks("*", cells(rounds, servers, "load_share"), BUSY)
    memory = {
        row: {name: number / 1000 for name, number in numbers.items()}
        for row, numbers in cells(rounds, servers, "bytes").items()
    }
    parts = [
        _render(title, cells(rounds, servers, metric), servers, form, marks)
        for title, metric, form, marks in (
            (f"Server CPU, µs each ({_OTHERS})", "cpu_us", ".1f", disturbed),
            (
                f"Throughput, per second (* load at its limit, {_OTHERS})",
                "per_second",
                ",.0f",
                unsure,
            ),
            ("Latency at that throughput, p50, ms", "p50_ms", ".2f", unsure),
            ("Latency at that throughput, p99, ms", "p99_ms", ".2f", unsure),
            ("CPU share of the server while measured", "server_share", ".2f", {}),
            ("CPU share of the load while measured", "load_share", ".2f", {}),
        )
    ]
    parts.insert(1, _render("Memory, KB (1,000 B) of PSS", memory, servers, ".1f", {}))
    for ours in (server for server in servers if server.ours):
        for label, metric in (("server CPU", "cpu_us"), ("memory", "bytes")):
            title = f"{label} of {ours.title} / that of"
            table = ratios(rounds, ours.name, servers, metric)
            parts.append(_render(title, table, servers, ".2f", {}))
    return "\n".join(part for part in parts if part)


def as_json(rounds: Rounds, servers: Sequence[Server], command: Sequence[str]) -> dict[str, object]:
    """Return the run as JSON: every round, the medians and the ratios."""
    metrics = (
        "cpu_us",
        "bytes",
        "per_second",
        "p50_ms",
        "p99_ms",
        "server_share",
        "load_share",
        "disturbed",
    )
    return {
        "machine": {"system": platform.platform(), "python": platform.python_version()},
        "command": list(command),
        "rows": ROWS,
        "servers": {server.name: server.title for server in servers},
        "median": {metric: cells(rounds, servers, metric) for metric in metrics},
        "ratio": {
            ours.name: {
                metric: ratios(rounds, ours.name, servers, metric) for metric in ("cpu_us", "bytes")
            }
            for ours in servers
            if ours.ours
        },
        "rounds": rounds,
    }
