"""The tutorial, followed to its end: in a browser, tested, and on two processes behind nginx."""

from __future__ import annotations

import json
import re
import time
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

PAGE = read_page("docs/tutorial.md")
CLIENT = ROOT / "integration-tests/js/node_modules/socket.io-client"
SCRIPT = re.compile(r'<script src="https://cdn.socket.io/([\d.]+)/(socket.io.min.js)"></script>')


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
        (
            "ip_hash;",
            "hash $http_user_agent;",
        ),  # one machine can have two browsers, not two addresses
        ("8001", one),
        ("8002", two),
        ("listen 80;", f"listen 127.0.0.1:{own};"),
    )
    start(f"redis-server --port {redis} --save ''", redis)
    servers = {}
    for number, port in (("8001", one), ("8002", two)):
        (command,) = [command for command in PAGE.commands() if number in command]
        servers[port] = start(command.replace(number, str(port)), port)
    start(f"nginx -p {tmp_path} -c nginx.conf -e stderr", own)

    url = f"http://127.0.0.1:{own}"
    people = [chromium_page(chromium, str(number), url) for number in range(4)]
    say(people[0], "hello")
    for page in people[1:]:
        page.wait_for("li:text-is('0: hello')")
    assert all("/socket.io/" in "".join(server.log) for server in servers.values())
    servers[one].stop()
    lost = those_that_have_lost_it(people)
    for page in lost:
        page.wait_for("li:has-text('You are in lobby') >> nth=1")
    assert len(lost) < len(people)
    chromium.close_pages()


def those_that_have_lost_it(people: list[BrowserPage]) -> list[BrowserPage]:
    """The pages that say so, once some do."""
    deadline = time.monotonic() + 10
    has_lost = "document.body.innerText.includes('Connection lost.')"
    while not (lost := [page for page in people if page.call("evaluate", has_lost)]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return lost


def chromium_page(chromium: Chromium, name: str, url: str) -> BrowserPage:
    """A page that nginx takes for another machine."""
    page = chromium.open(name, url, {"userAgent": f"browser {name}"})
    page.call("fill", "#name", name)
    page.call("press", "#name", "Enter")
    page.wait_for("li:has-text('You are in lobby')")
    return page
