from __future__ import annotations

import re
import sys
import tokenize
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

import make_twins

HEADER_LINES = make_twins.HEADER.count("\n")


def convert(source: str) -> str:
    return make_twins.Converter().convert(source)


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        ("async def f() -> int:\n    return await g()\n", "def f() -> int:\n    return g()\n"),
        ("async with a:\n    await b\n", "with a:\n    b\n"),
        ("x = [y async for y in z]\n", "x = [y for y in z]\n"),
        ("x = (await\n     y)\n", "x = (y)\n"),
        ("class AsyncServer(AsyncEntry): ...\n", "class Server(Entry): ...\n"),
        ("from .async_entry import AsyncEntry\n", "from .entry import Entry\n"),
        ("from ._aio import call\n", "from ._sync import call\n"),
        ("self.async_mode = async_handlers\n", "self.async_mode = async_handlers\n"),
        ('x: "AsyncServer"\n', 'x: "Server"\n'),
        ("# await f() of AsyncServer\n", "# f() of Server\n"),
        ("asyncio.sleep(0)\n", "asyncio.sleep(0)\n"),
        ("def awaited(asynchronous): ...\n", "def awaited(asynchronous): ...\n"),
    ],
)
def test_conversion(source: str, twin: str) -> None:
    assert convert(source) == twin


def test_names_in_use_are_remembered() -> None:
    converter = make_twins.Converter()

    converter.convert("def __aenter__(self): ...\n")

    assert converter.used == {"__aenter__"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "async_a.py").write_text("async def f():\n    await g()\n")
    monkeypatch.setattr(make_twins, "PACKAGES", tmp_path)
    monkeypatch.setattr(make_twins, "TWINS", {"async_a.py": "a.py"})
    monkeypatch.setattr(make_twins, "NAMES", {})
    return tmp_path


def test_a_written_twin_passes_the_check(package: Path) -> None:
    assert make_twins.main([]) == 0

    assert make_twins.main(["--check"]) == 0
    assert (package / "a.py").read_text().endswith("\ndef f():\n    g()\n")


def test_drift_fails_the_check(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_twins.main([])
    with (package / "a.py").open("a") as twin:
        twin.write("\nedited = True\n")

    assert make_twins.main(["--check"]) == 1
    assert "run `make twins`" in capsys.readouterr().err


def test_a_missing_twin_fails_the_check(package: Path) -> None:
    assert make_twins.main(["--check"]) == 1


def test_an_unused_rule_fails(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_twins, "NAMES", {"never": "seen"})

    assert make_twins.main([]) == 1


def test_too_many_rules_fail(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_twins, "NAMES", {f"n{i}": "x" for i in range(16)})

    assert make_twins.main([]) == 17


@pytest.mark.parametrize(
    "twin", [Path(source).parent / twin for source, twin in make_twins.TWINS.items()]
)
def test_a_twin_says_nothing_of_asyncio(twin: Path) -> None:
    with (make_twins.PACKAGES / twin).open() as file:
        texts = [
            token.string
            for token in tokenize.generate_tokens(file.readline)
            if token.type in (tokenize.STRING, tokenize.COMMENT) and token.start[0] > HEADER_LINES
        ]

    assert texts
    assert [text for text in texts if re.search(r"\basyncio\b|\basync with\b", text)] == []
