"""The servers under test: how each is started, pinned, watched and stopped.

A server is one process on the first core.  Its CPU time is the kernel's process CPU clock (user and
system, every thread, nanoseconds) plus that of its children; its memory is PSS from smaps_rollup.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
UPSTREAM_VENV = REPOSITORY / ".cache" / "upstream-venv"
NODE_MODULES = HERE.parent / "js" / "node_modules"

STEADY = ("echo", "event", "fan")
"""What a quick run asks of the servers of threads and greenlets."""

UNFIT_FOR_THREADS = ("polling", "crowd-4000")
"""Werkzeug closes the connection after each answer; and 4,000 threads are what nobody has."""

START_TIMEOUT = 20.0  # seconds until the port must answer
PR_SET_PDEATHSIG = 1  # prctl(2): the server is killed with us
QUIET_STEP = 0.05  # seconds; a server is idle when it burns under 2 % of two such steps
QUIET_TIMEOUT = 20.0  # seconds until an unquiet server fails the workload


class ServerError(Exception):
    """A server did not start, died, or does not come to rest."""


def upstream_python() -> Path:
    """Return the interpreter that has upstream's packages (env ``UPSTREAM_PYTHON``)."""
    return Path(os.environ.get("UPSTREAM_PYTHON") or UPSTREAM_VENV / "bin" / "python")


def node_modules() -> Path:
    """Return the folder that holds the official server (env ``BENCH_NODE_MODULES``)."""
    return Path(os.environ.get("BENCH_NODE_MODULES") or NODE_MODULES)


def _imports(python: Path, module: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        if not python.exists():
            return f"{python} does not exist (run `make setup`)"
        found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, text=True)
        return found.stderr.strip().rsplit("\n", 1)[-1] if found.returncode else None

    return missing


def _node_missing() -> str | None:
    if (node_modules() / "socket.io").is_dir():
        return None
    return f"no socket.io in {node_modules()} (run `make setup`)"


@dataclass(frozen=True)
class Server:
    """One column of the tables."""

    name: str
    title: str
    command: tuple[str, ...]  # the port is appended
    missing: Callable[[], str | None] = field(repr=False)  # why it cannot run here, or None
    unfit: tuple[str, ...] = ()  # for these workloads
    ours: bool = False
    cluster: bool = True  # can pass events on through Redis
    quick: tuple[str, ...] = ("",)  # the workloads of a quick run, by prefix; none: left out of it


def all_servers() -> list[Server]:
    """Return every server, ours first."""
    here, upstream = Path(sys.executable), upstream_python()
    app, uvicorn = str(HERE / "apps/socketio_app.py"), str(HERE / "apps/bare_uvicorn.py")
    picows, node = str(HERE / "apps/bare_picows.py"), str(HERE / "apps/node_app.js")
    ours, peer = (str(here), app), (str(upstream), app)
    sync = str(HERE / "apps/sync_app.py")
    ours_sync, peer_sync = (str(here), sync), (str(upstream), sync)
    fast = _imports(here, "socketio, engineio.async_drivers.uvicorn")
    asgi = _imports(here, "socketio; socketio.ASGIApp")
    gevent = _imports(here, "socketio, gevent")
    threads = _imports(here, "socketio, werkzeug")
    upstream_missing = _imports(upstream, "socketio, uvicorn, uvloop, aiohttp, gevent, werkzeug")
    return [
        Server("ours-fast", "ours, fast path", (*ours, "fast"), fast, ours=True),
        Server("ours-asgi", "ours, ASGI on uvicorn", (*ours, "uvicorn"), asgi, ours=True),
        Server("upstream-uvicorn", "upstream on uvicorn", (*peer, "uvicorn"), upstream_missing),
        Server(
            "upstream-aiohttp",
            "upstream on aiohttp",
            (*peer, "aiohttp"),
            upstream_missing,
            quick=(),
        ),
        Server(
            "ours-gevent",
            "ours, gevent",
            (*ours_sync, "gevent"),
            gevent,
            ours=True,
            quick=STEADY,
        ),
        Server(
            "upstream-gevent",
            "upstream, gevent",
            (*peer_sync, "gevent"),
            upstream_missing,
            quick=STEADY,
        ),
        Server(
            "ours-threads",
            "ours, threads",
            (*ours_sync, "threading"),
            threads,
            ours=True,
            unfit=UNFIT_FOR_THREADS,
            quick=STEADY,
        ),
        Server(
            "upstream-threads",
            "upstream, threads",
            (*peer_sync, "threading"),
            upstream_missing,
            unfit=UNFIT_FOR_THREADS,
            quick=STEADY,
        ),
        Server("node", "Node socket.io", ("node", node), _node_missing),
        Server(
            "bare-uvicorn",
            "uvicorn alone",
            (str(here), uvicorn),
            _imports(here, "uvicorn"),
            cluster=False,
        ),
        Server(
            "bare-picows",
            "picows alone",
            (str(here), picows),
            _imports(here, "picows"),
            unfit=("polling",),
            cluster=False,
            quick=(),
        ),
    ]


@dataclass
class Process:
    """A running server."""

    server: Server
    port: int
    pid: int
    popen: subprocess.Popen[bytes]
    log: Path

    def cpu(self) -> float:
        """Return the CPU seconds used so far, by the process and its children."""
        self.check()
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in _family(self.pid))

    def delayed(self) -> float:
        """Return the seconds for which another process held a core that we or it could use."""
        return (_run_delay(self.pid) + _run_delay(os.getpid())) / 1e9

    def memory(self) -> int:
        """Return the proportional set size in bytes."""
        return sum(_pss(pid) for pid in _family(self.pid))

    def check(self) -> None:
        """Raise ServerError when the process has ended."""
        if self.popen.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise ServerError(f"{self.server.name} ended with {self.popen.returncode}:\n{tail}")

    def settle(self) -> float:
        """Wait until the server is idle; return its CPU seconds then."""
        deadline = time.monotonic() + QUIET_TIMEOUT
        quiet, before = 0, self.cpu()
        while quiet < 2:
            if time.monotonic() > deadline:
                raise ServerError(f"{self.server.name} is still busy after {QUIET_TIMEOUT} s")
            time.sleep(QUIET_STEP)
            after = self.cpu()
            quiet = quiet + 1 if after - before < 0.02 * QUIET_STEP else 0
            before = after
        return before


@dataclass
class Cluster:
    """Two running servers on the same core, and a Redis on the other."""

    members: list[Process]

    @property
    def port(self) -> int:
        return self.members[0].port

    def cpu(self) -> float:
        """Return the CPU seconds that both servers have used so far."""
        return sum(member.cpu() for member in self.members)

    def delayed(self) -> float:
        """Return the seconds for which another process than these held a core that we need."""
        # one of the servers waits for the other all the time, which is no disturbance
        return _run_delay(os.getpid()) / 1e9

    def settle(self) -> float:
        """Wait until both are idle; return their CPU seconds then."""
        return sum(member.settle() for member in self.members)


def _family(pid: int) -> list[int]:
    pids = [pid]
    for member in pids:
        children = Path(f"/proc/{member}/task/{member}/children").read_text()
        pids.extend(map(int, children.split()))
    return pids


def _run_delay(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ServerError(f"no PSS of process {pid}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running_cluster(server: Server, core: int | None) -> Iterator[Cluster]:
    """Start a Redis and two servers that pass events on through it, and stop them at the end."""
    if (redis := shutil.which("redis-server")) is None:
        raise ServerError("redis-server is missing (run `make setup`)")
    options = ("--bind", "127.0.0.1", "--save", "", "--port")
    broker = Server("redis", "Redis", (redis, *options), lambda: None)
    with contextlib.ExitStack() as stack:
        address = f"redis://127.0.0.1:{stack.enter_context(running(broker, None)).port}"
        start = functools.partial(running, server, core, {"BENCH_REDIS": address})
        yield Cluster([stack.enter_context(start()) for _ in range(2)])


@contextlib.contextmanager
def running(
    server: Server, core: int | None, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Process]:
    """Start a server on a core (None: ours), wait for its port, and stop it at the end.

    ``settings`` are further environment variables.
    """
    port = _free_port()
    env = {**os.environ, **settings, "NODE_PATH": str(node_modules()), "NODE_ENV": "production"}

    def prepare() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [*server.command, str(port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=env,
                preexec_fn=prepare,
                start_new_session=True,
            )
        process = Process(server, port, popen.pid, popen, log)
        try:
            _await_port(process)
            process.settle()
            yield process
        finally:
            _stop(popen)


def _await_port(process: Process) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        process.check()
        try:
            socket.create_connection(("127.0.0.1", process.port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise ServerError(f"{process.server.name} does not listen") from None
            time.sleep(0.02)


def _stop(popen: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()
