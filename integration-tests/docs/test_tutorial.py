"""The tutorial, followed to its end: in a browser, tested, and on two processes behind nginx."""

from __future__ import annotations

import functools
import json
import re
import signal
from typing import TYPE_CHECKING

import pytest
from browser.conftest import Chromium
from browser.conftest import Page as BrowserPage
from docs.blocks import ROOT, read_page
from docs.programs import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docs.programs import Program

pytestmark = pytest.mark.timeout(180)  # the first test makes the environment

PAGE = read_page("docs/tutorial.md")
CLIENT = ROOT / "integration-tests/js/node_modules/socket.io-client"
SCRIPT = re.compile(r'<script src="https://cdn.socket.io/([\d.]+)/(socket.io.min.js)"></script>')


@pytest.fixture
def start(start: Callable[..., Program], newcomer: dict[str, str]) -> Callable[..., Program]:
    """Start commands as somebody does who has installed what the tutorial says."""
    return functools.partial(start, **newcomer)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


def write(folder: Path, *, replacing: bool) -> None:
    """Write the tutorial's files; the page gets its script from here instead of the internet."""
    PAGE.write(folder, replacing=replacing)
    page = (folder / "index.html").read_text()
    (script,) = SCRIPT.finditer(page)
    assert script[1] == json.loads((CLIENT / "package.json").read_text())["version"]
    source = (CLIENT / "dist" / script[2]).read_text()
    (folder / "index.html").write_text(page.replace(script[0], f"<script>{source}</script>"))


def put(path: Path, *changes: tuple[str, object]) -> None:
    """Replace a text that the file has exactly once."""
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, f"{old} in {path.name}"
        text = text.replace(old, str(new))
    path.write_text(text)


def enter(chromium: Chromium, name: str, url: str) -> BrowserPage:
    page = chromium.open(name, url)
    page.call("fill", "#name", name)
    page.call("press", "#name", "Enter")
    page.wait_for("li:has-text('You are in lobby')")
    return page


def say(page: BrowserPage, text: str) -> None:
    page.call("fill", "#text", text)
    page.call("press", "#text", "Enter")
    page.wait_for(f"li:text-is('You: {text}')")


def test_two_people_talk(start: Callable[..., Program], tmp_path: Path, chromium: Chromium) -> None:
    port = free_port()
    write(tmp_path, replacing=False)
    put(tmp_path / "run.py", ("5000", port))
    run, terminal = (
        command.replace("5000", str(port))
        for command in PAGE.commands()
        if command.startswith("python ") and "venv" not in command
    )
    start(run, port)

    ada = enter(chromium, "Ada", f"http://127.0.0.1:{port}")
    bob = enter(chromium, "Bob", f"http://127.0.0.1:{port}")
    ada.wait_for("li:text-is('Bob has come.')")
    bob.wait_for("li:text-is('You are in lobby with Ada.')")
    say(bob, "hello")
    ada.wait_for("li:text-is('Bob: hello')")
    (tmp_path / "typed").write_text('/call join "lobby"\nhello from here\n')
    start(f"{terminal} < typed").finish()
    ada.wait_for("li:text-is('Terminal: hello from here')")
    ada.wait_for("li:text-is('Terminal has gone.')")

    assert ada.problems() == bob.problems() == []
    chromium.close_pages()


def test_somebody_without_a_name_is_told(
    start: Callable[..., Program], tmp_path: Path, chromium: Chromium
) -> None:
    port = free_port()
    write(tmp_path, replacing=False)
    put(tmp_path / "run.py", ("5000", port))
    start("python run.py", port)

    page = chromium.open("Nobody", f"http://127.0.0.1:{port}")
    page.call("fill", "#name", "x" * 25)
    page.call("press", "#name", "Enter")

    page.wait_for("li:text-is('No: a name of 1 to 24 characters, please')")
    chromium.close_pages()


def test_its_tests_pass(start: Callable[..., Program], tmp_path: Path) -> None:
    write(tmp_path, replacing=False)

    output = start("pytest -p no:cacheprovider").finish()

    assert "3 passed" in output


def test_two_processes_behind_nginx(
    start: Callable[..., Program], tmp_path: Path, chromium: Chromium
) -> None:
    redis, one, two, own = (free_port() for _ in range(4))
    write(tmp_path, replacing=True)
    put(tmp_path / "chat.py", ("localhost:6379", f"127.0.0.1:{redis}"))
    folders = "".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    )
    put(
        tmp_path / "nginx.conf",
        ("events {}", "daemon off; pid nginx.pid; events {}"),
        ("http {", f"http {{ access_log off; {folders}"),
        ("8001", one),
        ("8002", two),
        ("listen 80;", f"listen 127.0.0.1:{own};"),
    )
    (install,) = [command for command in PAGE.commands() if "[redis]" in command]
    start(install).finish()
    start(f"redis-server --port {redis} --save ''", redis)
    servers = {}
    for number, port in (("8001", one), ("8002", two)):
        (command,) = [command for command in PAGE.commands() if number in command]
        servers[port] = start(command.replace(number, str(port)), port)

    # a window on each process
    ada, bob = (
        enter(chromium, name, f"http://127.0.0.1:{port}")
        for name, port in (("Ada", one), ("Bob", two))
    )
    say(ada, "hello")
    bob.wait_for("li:text-is('Ada: hello')")
    chromium.close_pages()

    # nginx takes all windows of this machine to the same process; when that ends, to the other
    start(f"nginx -p {tmp_path} -c nginx.conf -e stderr", own)
    before = {port: handshakes(server) for port, server in servers.items()}
    people = [enter(chromium, name, f"http://127.0.0.1:{own}") for name in ("Carl", "Dora")]
    (theirs,) = [port for port in servers if handshakes(servers[port]) > before[port]]
    (other,) = servers.keys() - {theirs}
    servers[theirs].stop(signal.SIGINT)
    for page in people:
        page.wait_for("li:text-is('Connection lost.')")
        page.wait_for("li:has-text('You are in lobby') >> nth=1")
    eve = enter(chromium, "Eve", f"http://127.0.0.1:{other}")
    say(eve, "here, too?")
    for page in people:
        page.wait_for("li:text-is('Eve: here, too?')")
    chromium.close_pages()


def handshakes(server: Program) -> int:
    """How many connections the log in the terminal shows."""
    return sum("transport=polling&t=" in line and "sid=" not in line for line in server.log)
