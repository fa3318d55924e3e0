from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engineio.static_files import content_types, get_static_file

if TYPE_CHECKING:
    from pathlib import Path

PAGES: dict[str, Any] = {
    "/": "latency.html",
    "/static/engine.io.js": "static/engine.io.js",
    "/static/style.css": "static/style.css",
}
DIRECTORY: dict[str, Any] = {"/static": "./public"}
DEFAULT: dict[str, Any] = DIRECTORY | {"": "image.gif"}
TYPED_DEFAULT: dict[str, Any] = DIRECTORY | {
    "": {"filename": "image.gif", "content_type": "text/plain"}
}
TYPED: dict[str, Any] = {"/": {"filename": "latency.html", "content_type": "text/plain"}}
TYPED_DIRECTORY: dict[str, Any] = {"/d": {"filename": "./public", "content_type": "x/y"}}
CATCH_ALL: dict[str, Any] = {"/": "./public", "/static/": "./public/css/"}
NAMED_LIKE_A_DIRECTORY: dict[str, Any] = {"/app": "public"}

FILES = [
    "latency.html",
    "static/engine.io.js",
    "static/style.css",
    "public/index.html",
    "public/image.gif",
    "public/README",
    "public/data.bin",
    "public/PHOTO.JPG",
    "public/css/index.html",
    "public/css/styles.css",
    "secret.txt",
    "publicity/x.txt",
]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "rules", "filename", "content_type"),
    [
        ("/", PAGES, "latency.html", "text/html"),
        ("/static/engine.io.js", PAGES, "static/engine.io.js", "application/javascript"),
        ("/static/style.css", PAGES, "static/style.css", "text/css"),
        ("/", TYPED, "latency.html", "text/plain"),
        ("/static/index.html", DIRECTORY, "./public/index.html", "text/html"),
        ("/static/css/styles.css", DIRECTORY, "./public/css/styles.css", "text/css"),
        ("/static/", DIRECTORY, "./public/index.html", "text/html"),
        ("/static/css/", DIRECTORY, "./public/css/index.html", "text/html"),
        ("/static/README", DIRECTORY, "./public/README", "application/octet-stream"),
        ("/static/data.bin", DIRECTORY, "./public/data.bin", "application/octet-stream"),
        ("/static/PHOTO.JPG", DIRECTORY, "./public/PHOTO.JPG", "image/jpeg"),
        ("/static/", DEFAULT, "./public/image.gif", "image/gif"),
        ("/static/", TYPED_DEFAULT, "./public/image.gif", "text/plain"),
        ("/d/index.html", TYPED_DIRECTORY, "./public/index.html", "x/y"),
        ("/d/", TYPED_DIRECTORY, "./public/index.html", "x/y"),
        ("/index.html", CATCH_ALL, "./public/index.html", "text/html"),
        ("/css/styles.css", CATCH_ALL, "./public/css/styles.css", "text/css"),
        ("/static/", CATCH_ALL, "./public/css/index.html", "text/html"),
        ("/static/styles.css", CATCH_ALL, "./public/css/styles.css", "text/css"),
    ],
)
def test_a_path_finds_its_file(
    path: str, rules: dict[str, Any], filename: str, content_type: str
) -> None:
    assert get_static_file(path, rules) == {"filename": filename, "content_type": content_type}


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("/other", PAGES),
        ("/static/other.js", PAGES),
        ("/latency.html", PAGES),
        ("", PAGES),
        ("no-slash", PAGES),
        ("/static", DIRECTORY),
        ("/static/css", DIRECTORY),
        ("/static/missing.css", DIRECTORY),
        ("/static2/index.html", DIRECTORY),
        ("/missing", DEFAULT),
        ("", DEFAULT),
        ("/", {}),
    ],
)
def test_other_paths_find_nothing(path: str, rules: dict[str, Any]) -> None:
    assert get_static_file(path, rules) is None


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/css/../../secret.txt",
        "/static/..",
        "/static/../",
        "/static/css/..",
        "/static/.",
        "/static/../publicity/x.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static//etc/passwd",
        "/static/..\\secret.txt",
        "/static/index.html\0",
        "/static/\0",
        "/static/\ud800",
        "/static/" + "a" * 10_000,
    ],
)
def test_nothing_outside_of_the_directory_is_found(path: str) -> None:
    assert get_static_file(path, DIRECTORY) is None


def test_the_directory_is_compared_by_whole_names() -> None:
    assert get_static_file("/appity/x.txt", NAMED_LIKE_A_DIRECTORY) is None


def test_a_symbolic_link_cannot_lead_out_of_the_directory(site: Path) -> None:
    (site / "public/link.txt").symlink_to(site / "secret.txt")
    (site / "public/up").symlink_to(site)

    assert get_static_file("/static/link.txt", DIRECTORY) is None
    assert get_static_file("/static/up/secret.txt", DIRECTORY) is None


def test_symbolic_links_inside_the_directory_are_followed(site: Path) -> None:
    (site / "public/link.html").symlink_to(site / "public/index.html")
    (site / "shared").symlink_to(site / "public")

    assert get_static_file("/static/link.html", DIRECTORY) is not None
    assert get_static_file("/s/index.html", {"/s": "shared"}) is not None


def test_a_file_that_is_named_by_a_rule_may_be_anywhere(site: Path) -> None:
    (site / "public/page.html").symlink_to(site / "secret.txt")

    assert get_static_file("/page", {"/page": "public/page.html"}) is not None
    assert get_static_file("/up", {"/up": "./public/../secret.txt"}) is not None


def test_a_mapped_content_type_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(content_types, "bin", "application/x-data")

    found = get_static_file("/static/data.bin", DIRECTORY)

    assert found is not None and found["content_type"] == "application/x-data"
