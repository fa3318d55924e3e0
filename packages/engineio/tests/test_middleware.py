"""Where a WSGI application sends its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import engineio

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Endpoint:
    """Stands where the server stands, and says so."""

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"engine"]


def other(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"other"]


def get(app: Any, path: str) -> tuple[str, dict[str, str], bytes]:
    answer: list[Any] = []
    body = b"".join(app({"PATH_INFO": path}, lambda *args: answer.extend(args)))
    return answer[0], dict(answer[1]), body


@pytest.fixture
def public(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("hello")
    (tmp_path / "a.css").write_text("css")
    (tmp_path.parent / "secret.txt").write_text("secret")
    return tmp_path


@pytest.mark.parametrize("path", ["/engine.io/", "/engine.io", "/engine.io/?x", "/engine.io/sub"])
def test_the_endpoint_comes_first(path: str) -> None:
    app = engineio.WSGIApp(Endpoint(), other, static_files={"/": "nowhere"})

    assert get(app, path)[2] == b"engine"


def test_the_path_can_be_another() -> None:
    app = engineio.WSGIApp(Endpoint(), other, engineio_path="/my/path/")

    assert app.engineio_path == "/my/path/"
    assert get(app, "/my/path/")[2] == b"engine"
    assert get(app, "/engine.io/")[2] == b"other"


def test_static_files_come_before_the_other_application(public: Path) -> None:
    app = engineio.WSGIApp(Endpoint(), other, static_files={"/static": str(public)})

    status, headers, body = get(app, "/static/a.css")

    assert (status, headers["Content-Type"], body) == ("200 OK", "text/css", b"css")
    assert get(app, "/static/")[2] == b"hello"
    assert get(app, "/static/missing.css")[2] == b"other"


def test_static_files_do_not_leave_their_folder(public: Path) -> None:
    app = engineio.WSGIApp(Endpoint(), static_files={"/static": str(public)})

    assert get(app, "/static/../secret.txt")[0] == "404 Not Found"


def test_there_may_be_nothing_else() -> None:
    assert get(engineio.WSGIApp(Endpoint()), "/")[0::2] == ("404 Not Found", b"Not Found")


def test_the_older_name_takes_the_path_third() -> None:
    app = engineio.Middleware(Endpoint(), other, "path")

    assert get(app, "/path/")[2] == b"engine"
    assert isinstance(app, engineio.WSGIApp)
