"""How many threaded clients fail when they read and write over TLS at once: ours and upstream's.

python tls_load.py [ROUNDS]

A figure for docs/differences.md, not a test: it depends on the machine how often upstream fails.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
SERVER = HERE.parent / "behaviour" / "tls_server.py"
UPSTREAM = HERE.parents[1] / ".cache" / "upstream-venv" / "bin" / "python"
PROCESSES = 4
"""More than this machine's cores, so that threads are interrupted anywhere."""

CLIENTS, AT_ONCE, EVENTS, BYTES, PATIENCE = "60", "2", "1000", "10", "15"


def make_certificate(folder: str) -> list[str]:
    files = [f"{folder}/cert.pem", f"{folder}/key.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def measure(python: str, port: int) -> tuple[int, Counter[str]]:
    """The number of clients, and the failures by reason."""
    command = [python, str(HERE / "tls_client.py"), f"https://127.0.0.1:{port}"]
    command += [CLIENTS, AT_ONCE, EVENTS, BYTES, PATIENCE]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(PROCESSES)
    ]
    reports = [json.loads(process.communicate()[0]) for process in running]
    failures: Counter[str] = sum((Counter(report["why"]) for report in reports), Counter())
    return sum(report["clients"] for report in reports), failures


def main(rounds: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(SERVER), "uvicorn", str(port), *make_certificate(folder)]
        server = subprocess.Popen(command)
        try:
            while not listens(port):
                time.sleep(0.1)
            for _ in range(rounds):
                for name, python in (("upstream", str(UPSTREAM)), ("ours", sys.executable)):
                    clients, failures = measure(python, port)
                    print(f"{name}: {failures.total()} of {clients} failed", dict(failures))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
