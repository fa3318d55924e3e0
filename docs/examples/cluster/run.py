"""Starts the whole cluster: one Redis, two servers, and nginx in front of them.

python run.py [port]      # nginx there, the servers and Redis on the next three ports
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_TIMEOUT = 20  # seconds


def program(name: str) -> str:
    """Find a program; Debian keeps some where ordinary users do not look."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        sys.exit(f"{name} is missing, please install it")
    return found


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens."""
    limit = time.monotonic() + START_TIMEOUT
    while time.monotonic() < limit and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args} did not start")


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    servers, redis = (port + 1, port + 2), port + 3
    os.environ["REDIS_URL"] = f"redis://127.0.0.1:{redis}/0"
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        settings = (HERE / "nginx.conf").read_text()
        for documented, own in ((8000, port), (8001, servers[0]), (8002, servers[1])):
            settings = settings.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{own}")
        Path(folder, "nginx.conf").write_text(settings)

        def start(own_port: int, *command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, cwd=folder, start_new_session=True)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            wait_for(own_port, process)
            return process

        redis_options = ("--port", str(redis), "--bind", "127.0.0.1", "--save", "")
        start(redis, program("redis-server"), *redis_options, "--loglevel", "warning")
        for own in servers:
            start(own, sys.executable, str(HERE / "server.py"), str(own))
        nginx = start(port, program("nginx"), "-p", folder, "-c", "nginx.conf", "-e", "stderr")
        print(f"Running on http://127.0.0.1:{port} (Ctrl-C stops everything)", flush=True)
        nginx.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
