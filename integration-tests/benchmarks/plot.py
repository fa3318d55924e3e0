"""Draw the report: one panel per row of the table, one bar per server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report import Cells, Rounds, cells
from workloads import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from servers import Server

COLUMNS = 3
OURS, PEER, BARE = "#1f77b4", "#8a8f98", "#d5d8dc"


def draw(rounds: Rounds, servers: Sequence[Server], path: Path) -> None:
    """Write a PNG, unless there are no rows.  Raises ModuleNotFoundError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cpu: Cells = cells(rounds, servers, "cpu_us")
    memory = {
        row: {name: number / 1000 for name, number in numbers.items()}
        for row, numbers in cells(rounds, servers, "bytes").items()
    }
    panels = [(row, cpu.get(row) or memory[row]) for row in ROWS if row in cpu or row in memory]
    if not panels:
        return
    lines = -(-len(panels) // COLUMNS)
    figure, axes = pyplot.subplots(lines, COLUMNS, figsize=(15, 2.3 * lines), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (row, numbers) in zip(axes.flat, panels, strict=False):
        shown = [server for server in servers if server.name in numbers][::-1]
        values = [numbers[server.name] for server in shown]
        colours = [OURS if s.ours else BARE if s.name.startswith("bare") else PEER for s in shown]
        bars = axis.barh([server.title for server in shown], values, color=colours)
        axis.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
        axis.set_title(f"{ROWS[row]} ({'KB' if row in memory else 'µs CPU'})", fontsize=10)
        axis.set_xlim(0, max(values) * 1.15)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Server cost, one core; shorter is better", fontsize=12)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
