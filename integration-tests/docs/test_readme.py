"""The examples of the READMEs, run as a reader would: in files, as programs, together."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from docs.blocks import ROOT, read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)  # the first test makes the environment

NODE_MODULES = ROOT / "integration-tests" / "js" / "node_modules"
PORT = "5000"
"""What the examples use; each test puts a free port in its place."""


def examples(readme: str, language: str) -> list[str]:
    """Return the code blocks of a README in one language, in order; they are run now."""
    return [block.take() for block in read_page(readme).of(language)]


@pytest.fixture
def start(
    tmp_path: Path, newcomer: dict[str, str]
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Write an example to a file and start it, where only what the documentation says is installed;
    whatever still runs at the end is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    processes: list[subprocess.Popen[str]] = []

    def started(name: str, code: str, until: str | None = None) -> subprocess.Popen[str]:
        """``until``: a text to wait for in the output; ``PORT`` in it is the one in use."""
        path = tmp_path / name
        path.write_text(code.replace(PORT, port))
        program = "node" if path.suffix == ".mjs" else "python"
        process = subprocess.Popen(
            ["env", program, str(path)],
            env={**os.environ, **newcomer},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        if until is not None:
            wait_for(process, until.replace("PORT", port))
        return process

    yield started
    for process in reversed(processes):
        process.terminate()
        process.communicate(timeout=10)


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read a program's output up to the line with a text; fail if it ends before."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} is not in the output:\n{''.join(seen)}")


def test_server_and_clients_of_the_readme_talk_to_each_other(start):
    server, client = examples("README.md", "python")
    (javascript,) = examples("README.md", "js")

    start("server.py", server, until="127.0.0.1:PORT")
    browserlike = start("client.mjs", javascript, until="delivered")
    output, _ = start("client.py", client).communicate(timeout=20)

    assert output == "delivered\n"
    wait_for(browserlike, "Hello from Python")


def test_server_and_client_of_the_package_talk_to_each_other(start):
    server, client = examples("packages/socketio/README.md", "python")

    start("server.py", server, until="127.0.0.1:PORT")
    output, _ = start("client.py", client).communicate(timeout=20)

    assert output == "Hello Ada\n"


def test_pictures_and_files_that_the_readme_links_to_exist():
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_benchmark_finds_its_place_in_the_readme():
    text = (ROOT / "README.md").read_text()

    assert text.count("<!-- bench:begin -->") == text.count("<!-- bench:end -->") == 1
    assert text.index("<!-- bench:begin -->") < text.index("<!-- bench:end -->")
