"""Measure our servers against their peers, all in one run: ``make bench``.

The server under test runs alone on the first core and the load in this process on the second, both
on 127.0.0.1.  Rounds are interleaved: every server runs all workloads before the next round
begins.  Prints tables of numbers and of ratios, and writes ``results.json``, ``report.txt`` and
``results.png`` to the folder of ``--out``.  The exit status is 1 when an answer was wrong or
missing, or a server failed.  Linux only (epoll, /proc, CPU affinity).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import plot
import report
from load import LoadError
from servers import HERE, Server, ServerError, all_servers, running, running_cluster
from workloads import FULL, QUICK, WORKLOADS, Rows, Scale, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILES_NEEDED = 4200  # descriptors, of the load as of a server: 4,000 clients and change


def arguments() -> argparse.Namespace:
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser = argparse.ArgumentParser(description="Measure our servers and their peers.")
    parser.add_argument("--quick", action="store_true", help="one short round of the main ones")
    parser.add_argument("--only", action="append", help=f"a workload, or its prefix: {names}")
    parser.add_argument("--servers", help="comma-separated names (default: all that are there)")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 3; quick: 1)")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder for the results")
    return parser.parse_args()


def chosen_servers(names: str | None, scale: Scale) -> list[Server]:
    """Return the servers to run; say which are left out, and why."""
    servers = [server for server in all_servers() if scale is FULL or server.quick]
    if names is not None:
        known = {server.name: server for server in all_servers()}
        if unknown := set(names.split(",")) - set(known):
            sys.exit(f"unknown servers {unknown}; there are {', '.join(known)}")
        servers = [known[name] for name in names.split(",")]
    present = []
    for server in servers:
        if (reason := server.missing()) is None:
            present.append(server)
        else:
            print(f"left out: {server.title}: {reason}")
    return present


def chosen_workloads(prefixes: Sequence[str] | None) -> list[Workload]:
    """Return the workloads that have one of the names, or else one of the prefixes."""
    if prefixes is None:
        return WORKLOADS
    exact = {workload.name for workload in WORKLOADS} & set(prefixes)
    begin = tuple(set(prefixes) - exact)
    chosen = [w for w in WORKLOADS if w.name in exact or w.name.startswith(begin)]
    return chosen or sys.exit(f"no such workload: {prefixes}")


def pin() -> int | None:
    """Take the second core for the load; return the first, or None where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("only one core: server and load share it, the numbers mean little")
        return None
    os.sched_setaffinity(0, {cores[1]})
    return cores[0]


def raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_NEEDED:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FILES_NEEDED * 4), hard))


def groups(workloads: Sequence[Workload]) -> Iterator[list[Workload]]:
    """Yield the workloads that share a server process, or a cluster."""
    for workload in workloads:
        if workload.fresh:
            yield [workload]
    for cluster in (False, True):
        if shared := [w for w in workloads if not w.fresh and w.cluster == cluster]:
            yield shared


def measure(
    server: Server, workloads: Sequence[Workload], scale: Scale, core: int | None
) -> tuple[Rows, list[str]]:
    """Run the workloads on one server; return the rows, and what went wrong."""
    rows: Rows = {}
    failures = []
    able = [
        w
        for w in workloads
        if w.name not in server.unfit
        and (server.cluster or not w.cluster)
        and (scale is FULL or not server.quick or w.name.startswith(server.quick))
    ]
    for group in groups(able):
        doing = "start"
        start = running_cluster if group[0].cluster else running
        try:
            with start(server, core) as process:
                for workload in group:
                    doing = workload.name
                    print(f"{doing} ", end="", flush=True)
                    gc.collect()
                    rows.update(workload.run(process, scale))
        except (LoadError, ServerError, OSError) as error:
            failures.append(f"{server.name}, {doing}: {error}")
            print(f"FAILED ({error}) ", end="")
    return rows, failures


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    scale = QUICK if options.quick else FULL
    servers, workloads = chosen_servers(options.servers, scale), chosen_workloads(options.only)
    raise_file_limit()
    core = pin()
    gc.disable()
    rounds: report.Rounds = []
    failures: list[str] = []
    begin = time.monotonic()
    for number in range(1, (options.rounds or scale.rounds) + 1):
        rounds.append({})
        for server in servers:
            print(f"round {number}, {server.title}: ", end="", flush=True)
            rounds[-1][server.name], wrong = measure(server, workloads, scale, core)
            failures += wrong
            print(f"({time.monotonic() - begin:.0f} s)")
    write(options.out, rounds, servers)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def write(folder: Path, rounds: report.Rounds, servers: Sequence[Server]) -> None:
    """Write the files and print the report."""
    folder.mkdir(parents=True, exist_ok=True)
    text = report.text(rounds, servers)
    (folder / "report.txt").write_text(text)
    numbers = report.as_json(rounds, servers, sys.argv)
    (folder / "results.json").write_text(json.dumps(numbers, indent=1))
    try:
        plot.draw(rounds, servers, folder / "results.png")
    except ModuleNotFoundError as error:
        print(f"no plot: {error}")
    print(f"\n{text}\nresults in {folder}")


if __name__ == "__main__":
    sys.exit(main())
