"""What is said in the documentation exists, and how it is known that all of its code is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.blocks import DOCS, EXECUTED, ROOT, Block, Page, all_pages, as_executed
from docs.executed import OTHERWISE, left_out

HERE = Path(__file__).parent
PAGES = all_pages()
LANGUAGES = {"python", "sh", "js", "html", "ini", "nginx", "toctree", "include"}


def test_every_block_is_of_a_language_that_is_run() -> None:
    for page in PAGES:
        assert {block.language for block in page.blocks} <= LANGUAGES, page.name


@pytest.mark.parametrize(
    ("language", "text", "executed", "missing"),
    [
        ("python", "1 / 0", set(), ["page:7"]),
        ("python", "1 / 0", {"page:7"}, []),
        ("nginx", "listen 80;", {"page:8"}, ["page:7"]),
        ("sh", "pip install x\nserve --port 80", set(), ["page: serve --port 80"]),
        ("sh", "serve --port 80 &", {as_executed("serve --port 4711 --quiet")}, []),
    ],
)
def test_what_is_not_executed_is_named(
    language: str, text: str, executed: set[str], missing: list[str]
) -> None:
    page = Page("page", [Block("page", 7, language, text)])

    assert list(left_out([page], executed)) == missing


async def test_what_is_executed_is_noted(tmp_path: Path) -> None:
    run = Block("somewhere", 1, "python", "x = 1")
    written = Block("somewhere", 2, "html", "<p>", {"file": "index.html"})
    page = Page("somewhere", [run, written])

    await page.run()
    assert {str(run), str(written)} & EXECUTED == {str(run)}
    page.write(tmp_path)

    assert str(written) in EXECUTED


def test_the_tests_that_are_named_exist() -> None:
    for reason in OTHERWISE.values():
        for name in re.findall(r"[\w/]*test_\w+\.py", reason):
            assert any((folder / name).exists() for folder in (HERE, HERE.parent)), name


def test_what_is_installed_exists() -> None:
    projects = {}
    for name, folder in (("engineio", "packages/engineio"), ("socketio", "packages/socketio")):
        extras = re.findall(r"^(\w+) = \[", (ROOT / folder / "pyproject.toml").read_text(), re.M)
        names = {extra.replace("_", "-") for extra in extras}
        projects[f"python-{name}"] = projects[f"./{folder}"] = names
    others = set(re.findall(r"^[\w-]+", (ROOT / "requirements.in").read_text(), re.MULTILINE))
    others.add("redis")  # of an extra
    for page in PAGES:
        # in the text as well as in the blocks
        for line in re.findall(r"pip install [^`#\n]+", (ROOT / page.name).read_text()):
            for word in line.removeprefix("pip install").replace('"', "").split():
                if word.startswith("-"):
                    continue
                name, _, extras = word.rstrip("]").partition("[")
                assert name in projects or name in others, f"{page.name}: {line}"
                for extra in filter(None, extras.split(",")):
                    assert extra in projects[name], f"{page.name}: {line}"


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_targets_and_paths_that_are_named_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = (ROOT / page).read_text()

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) <= targets
    paths = re.findall(r"(?:pytest |`)((?:docs|packages|integration-tests)/[\w./-]+)", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_of_tests_is_named() -> None:
    tests = ROOT / "integration-tests"
    files = [path.parent for path in tests.glob("*/*") if path.suffix in (".py", ".mjs", ".lock")]
    named = set(re.findall(r"`integration-tests/(\w+)`", (ROOT / "CONTRIBUTING.md").read_text()))

    assert {folder.name for folder in files} - {"tools"} == named


def test_names_in_the_text_exist() -> None:
    """``socketio.something`` in a page, wherever it is."""
    import engineio
    import engineio.exceptions
    import socketio
    import socketio.exceptions
    import socketio.testing

    for path in DOCS.rglob("*.md"):
        if "node_modules" in str(path):
            continue
        for module, dotted in re.findall(r"`(socketio|engineio)\.([\w.]+)", path.read_text()):
            value: object = {"socketio": socketio, "engineio": engineio}[module]
            for name in dotted.rstrip(".").split("."):
                if module == "engineio" and name in ("server", "client"):
                    break  # names of loggers
                if module == "socketio" and name in ("server", "client"):
                    break
                assert hasattr(value, name), f"{path.name}: {module}.{dotted}"
                value = getattr(value, name)
