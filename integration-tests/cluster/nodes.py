"""The processes of a cluster, as a test sees them."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

NODE = Path(__file__).with_name("node.py")
UPSTREAM = Path(__file__).parents[2] / ".cache" / "upstream-venv" / "bin" / "python"

PYTHONS = {
    "ours": sys.executable,
    "upstream": os.environ.get("UPSTREAM_PYTHON", str(UPSTREAM)),
}

STOP_TIMEOUT = 10


class CommandFailed(Exception):
    """The command has raised: its first argument is the name of the exception."""


def to_json(value: Any) -> Any:
    """Write tuples and bytes so that node.py finds them."""
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, tuple):
        return {"$tuple": list(map(to_json, value))}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return list(map(to_json, value)) if isinstance(value, list) else value


def from_json(value: Any) -> Any:
    """Read what node.py writes."""
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        if "$tuple" in value:
            return tuple(map(from_json, value["$tuple"]))
        return {key: from_json(item) for key, item in value.items()}
    return list(map(from_json, value)) if isinstance(value, list) else value


class Node:
    """A running node.py.

    :param role: ``server`` or ``emitter``.
    :param colour: ``asyncio``, ``sync``, ``gevent`` or ``eventlet``.
    :param manager: the name of a class of ``socketio``.
    :param options: its arguments.
    :param package: whose ``socketio``: ``ours`` or ``upstream``.
    """

    def __init__(
        self,
        role: str,
        colour: str,
        manager: str,
        options: dict[str, Any],
        package: str = "ours",
    ) -> None:
        self.process = subprocess.Popen(
            [PYTHONS[package], str(NODE), role, colour, manager, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        """What it has written to its standard error, line by line."""
        self._log_reader = threading.Thread(target=self._read_log, daemon=True)
        self._log_reader.start()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first:
            self.stop()
            raise RuntimeError("a process of the cluster did not start")
        self.url = f"http://127.0.0.1:{json.loads(first)['port']}"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    async def do(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return what a method of the server or the manager returns; CommandFailed if it raises."""
        number = next(self._numbers)
        future: Future[Any] = Future()
        self._waiting[number] = future
        assert self.process.stdin is not None
        line = json.dumps(to_json([number, method, list(args), kwargs]))
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log_reader.join()
        sys.stderr.writelines(self.log)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self.log.append(line)  # noqa: PERF402 - tests look at it meanwhile

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            fields = from_json(json.loads(line))
            future = self._waiting.pop(fields["number"])
            if not future.set_running_or_notify_cancel():
                continue  # nobody waits for it any more
            if "error" in fields:
                future.set_exception(CommandFailed(fields["error"], fields["text"]))
            else:
                future.set_result(fields["result"])
