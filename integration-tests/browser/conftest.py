"""The chat example as a subprocess, and Chromium pages that its tests drive from Python."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

HERE = Path(__file__).parent
SERVER = HERE.parents[1] / "docs" / "examples" / "chat" / "server.py"
ADMIN_SERVER = HERE / "admin_server.py"
ADMIN_UI = HERE.parent / "js/node_modules/@socket.io/admin-ui/ui/dist"
LISTENING = re.compile(r"http://127\.0\.0\.1:(\d+)")
DESKTOP = {"viewport": {"width": 1120, "height": 760}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "isMobile": True,
    "hasTouch": True,
    "deviceScaleFactor": 2,
}


class ChatServer:
    """``server.py`` on a free port; ``start`` after ``stop`` is a restart on the same port."""

    def __init__(self) -> None:
        self.url = self._port = ""
        self.start()

    def start(self) -> None:
        """Start the server and wait until it says where it listens."""
        command = [sys.executable, str(SERVER), self._port or "0"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr
        for line in self._process.stderr:
            if listening := LISTENING.search(line):
                self.url, self._port = listening[0] + "/", listening[1]
                return
        self._process.wait()
        pytest.fail("the chat server did not start")

    def stop(self) -> str:
        """Stop the server as Ctrl-C does and return the rest of its log."""
        self._process.terminate()
        return self._process.communicate(timeout=10)[1]


class AdminServer:
    """``admin_server.py`` with these arguments, on a free port, while the block runs."""

    def __init__(self, *args: str) -> None:
        command = [sys.executable, str(ADMIN_SERVER), str(ADMIN_UI), *args]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr
        for line in self._process.stderr:
            if listening := LISTENING.search(line):
                self.url = listening[0]
                return
        self._process.wait()
        pytest.fail("the server did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        log = self._process.communicate(timeout=10)[1]
        assert "Traceback" not in log, log


class Page:
    """One page in a browser context of its own.  Methods wait for what they need, or fail."""

    def __init__(self, ask: Callable[..., Any], name: str) -> None:
        self._request, self.name = ask, name

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of the Playwright page."""
        return self._request(page=self.name, call=method, args=args)

    def wait_for(self, selector: str, state: str = "visible") -> None:
        self._request(page=self.name, wait=selector, state=state)

    def problems(self) -> list[str]:
        """Return the errors and warnings of the console since the last call."""
        problems: list[str] = self._request(page=self.name, problems=True)
        return problems

    def enter(self, name: str, room: str = "lobby") -> None:
        self.call("fill", "#enter-name", name)
        self.call("fill", "#enter-room", room)
        self.call("press", "#enter-room", "Enter")
        self.wait_for(f"#room-title:text-is('{room}')")

    def say(self, text: str) -> None:
        self.call("fill", "#text", text)
        self.call("press", "#text", "Enter")

    def sees(self, text: str) -> None:
        self.wait_for(f".bubble:has-text('{text}')")

    def send_file(self, name: str, content: bytes, kind: str) -> None:
        file = {"name": name, "mimeType": kind, "buffer": b64encode(content).decode()}
        self._request(page=self.name, file=file, into="#picture")

    def screenshot(self, kind: str = "png") -> bytes:
        """Return what the page shows, as a PNG or JPEG file."""
        return b64decode(self.call("screenshot", {"type": kind}))


class Chromium:
    """One headless Chromium, driven by ``bridge.mjs``."""

    def __init__(self) -> None:
        command = ["node", str(HERE / "bridge.mjs")]
        self._node = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, **request: Any) -> Any:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        reply = json.loads(self._node.stdout.readline() or '{"error": "Chromium is gone"}')
        if "error" in reply:
            pytest.fail(f"{request}: {reply['error']}")
        return reply["result"]

    def open(self, name: str, url: str, options: dict[str, Any] = DESKTOP) -> Page:
        """Open a page under a name; an older page of that name is closed."""
        self._ask(page=name, open=options, url=url)
        return Page(self._ask, name)

    def close_pages(self) -> None:
        self._ask(close=True)

    def close(self) -> None:
        self._node.communicate(timeout=20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    server = ChatServer()
    yield server
    log = server.stop()
    assert "Traceback" not in log, log


@pytest.fixture
def open_page(chromium: Chromium, chat: ChatServer) -> Iterator[Callable[..., Page]]:
    """Open a page of the chat, entered under the page's name; its console must stay clean."""
    pages: list[Page] = []

    def opened(name: str, room: str = "lobby", query: str = "", phone: bool = False) -> Page:
        page = chromium.open(name, chat.url + query, PHONE if phone else DESKTOP)
        page.enter(name, room)
        pages.append(page)
        return page

    yield opened
    problems = {page.name: found for page in pages if (found := page.problems())}
    chromium.close_pages()
    assert not problems
