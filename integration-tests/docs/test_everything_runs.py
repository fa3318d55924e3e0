"""No block of code in the documentation is left out of the tests; here they are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.blocks import DOCS, ROOT, Page, all_pages

HERE = Path(__file__).parent
PAGES = all_pages()
TESTS = "\n".join(path.read_text() for path in HERE.glob("test_*.py"))
LANGUAGES = {"python", "sh", "js", "html", "ini", "nginx", "toctree", "include"}
ELSEWHERE = {
    "README.md": "test_readme.py",
    "packages/socketio/README.md": "test_readme.py",
}
COMMANDS = {
    # how it is known that a command of a page works, by a pattern of the command
    r"pip install .*": "the requirements are looked at below",
    r"python -m venv \.venv|\. \.venv/bin/activate": "test_wheels.py makes an environment",
    r"make \w+( \w+=\S+)?": "the targets are looked at below",
    r"npm install socket\.io-client": "make setup installs it",
    r"\.venv/bin/pytest \S+": "the path is looked at below",
    r"(redis-server|celery -A tasks worker)( &)?": "test_examples.py",
    r"python \w+\.py( \d+)?": "test_examples.py, browser/test_chat.py, or the test of the page",
    r"sudo nginx -c .*": "test_tutorial.py, without sudo",
    r"pytest": "test_tutorial.py",
    r"uvicorn chat:app --port 800[12] --ws \S+": "test_tutorial.py",
    r"uvicorn echo:app --port 8000": "test_more_guides.py",
    r"python -m socketio .*": "test_guides.py, test_tutorial.py, behaviour/test_command_line.py",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_of_a_page_is_run_by_a_test(page: Page) -> None:
    assert {block.language for block in page.blocks} <= LANGUAGES
    for block in page.of("python"):
        assert f'"{page.name}"' in TESTS or page.name in ELSEWHERE, f"{block} is not run"
        scene = block.options.get("scene")
        assert scene is None or f'"{scene}"' in TESTS, f"{block}: scene {scene} is not run"
        name = block.options.get("file")
        assert name is None or "replaces" in block.options or page.of("python", file=name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_of_a_page_is_run_by_a_test(page: Page) -> None:
    if page.name == "docs/guide/deployment.md":
        return  # test_deployment.py runs whatever it finds
    unknown = [
        command
        for command in page.commands()
        if not any(re.fullmatch(pattern, command) for pattern in COMMANDS)
    ]

    assert unknown == []


def test_the_tests_that_are_named_exist() -> None:
    for reason in COMMANDS.values():
        for name in re.findall(r"[\w/]*test_\w+\.py", reason):
            assert any((folder / name).exists() for folder in (HERE, HERE.parent)), name


def test_what_is_installed_exists() -> None:
    projects = {
        name: set(re.findall(r"^(\w+) = \[", (ROOT / folder / "pyproject.toml").read_text(), re.M))
        for name, folder in (
            ("python-engineio", "packages/engineio"),
            ("python-socketio", "packages/socketio"),
        )
    }
    others = set(re.findall(r"^[\w-]+", (ROOT / "requirements.in").read_text(), re.MULTILINE))
    others.add("redis")  # of an extra
    for page in PAGES:
        for command in page.commands():
            if not command.startswith("pip install"):
                continue
            for word in command.removeprefix("pip install").replace('"', "").split():
                if word.startswith("-"):
                    continue
                name, _, extras = word.rstrip("]").partition("[")
                assert name in projects or name in others, f"{page.name}: {command}"
                for extra in filter(None, extras.split(",")):
                    assert extra in projects[name], f"{page.name}: {command}"


def test_make_has_the_targets_that_are_named() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for command in page.commands():
            if command.startswith("make "):
                assert command.split()[1] in targets, f"{page.name}: {command}"
            if command.startswith(".venv/bin/pytest"):
                assert (ROOT / command.split()[1]).exists(), f"{page.name}: {command}"


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
