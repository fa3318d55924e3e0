"""The code blocks of the documentation, and how to run them.

A comment above a block says what it is, where it is not just Python to be run in order with the
others of its page:

    <!-- docs: file=chat.py -->              a part of that file; the parts make it up in order
    <!-- docs: file=chat.py replaces=TEXT -->  takes the place of TEXT in it (to the line's end)
    <!-- docs: scene=threads -->             run with its own variables, apart from the others
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(
    r"(?:^[ ]*<!-- docs: (?P<options>.*?) -->\n)?"
    r"^(?P<indent>[ ]*)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


EXECUTED: set[str] = set()
"""The blocks (page and line) and the commands (as_executed) that this process has run."""


def as_executed(command: str) -> str:
    """A command as it is noted: whatever its numbers are, because tests take free ports."""
    return re.sub(r"\d+", "0", command)


@dataclass(frozen=True)
class Block:
    """One code block of a page."""

    page: str
    line: int
    language: str
    text: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def take(self) -> str:
        """The text, for somebody who executes it now."""
        EXECUTED.add(str(self))
        return self.text


@dataclass(frozen=True)
class Page:
    """One document; ``name`` is its path below the repository."""

    name: str
    blocks: list[Block]

    def of(self, language: str, **options: str) -> list[Block]:
        """The blocks of a language that have these options."""
        return [
            block
            for block in self.blocks
            if block.language == language and options.items() <= block.options.items()
        ]

    def commands(self) -> list[str]:
        """The commands of the page, without comments and continued lines joined."""
        text = "\n".join(block.text for block in self.of("sh"))
        lines = text.replace("\\\n", " ").splitlines()
        commands = [re.sub(r"(^|\s+)#.*$", "", line).strip() for line in lines]
        return [re.sub(r"\s+", " ", command) for command in commands if command]

    def write(self, folder: Path, *, replacing: bool = True) -> None:
        """Write the files that the page makes, without ``replacing`` as before its changes."""
        files: dict[str, str] = {}
        for block in self.blocks:
            name = block.options.get("file")
            if name is None:
                continue
            old = block.options.get("replaces")
            if old is not None and not replacing:
                continue
            text = block.take()
            if old is None:
                before = files.get(name)
                files[name] = text if before is None else f"{before}\n\n{text}"
            else:
                assert files[name].count(old) == 1, f"{block}: {old!r} is not in {name}"
                files[name] = files[name].replace(f"{old}\n", text)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    async def run(self, scene: str = "", **given: Any) -> dict[str, Any]:
        """Run the Python of a scene of the page, ``await`` included; return its variables."""
        variables: dict[str, Any] = {"__name__": "documented", **given}
        for block in self.of("python"):
            if "file" not in block.options and block.options.get("scene", "") == scene:
                await execute(block, variables)
        return variables


async def execute(block: Block, variables: dict[str, Any]) -> None:
    """Run one block."""
    text = "\n" * block.line + block.take()  # so that tracebacks name the page's lines
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(text, str(DOCS.parent / block.page), "exec", flags)
    result = eval(code, variables)
    if inspect.iscoroutine(result):
        await result


def read_page(name: str) -> Page:
    """Read a page of the repository."""
    source = (ROOT / name).read_text()
    blocks = []
    for match in FENCE.finditer(source):
        options = {}
        for part in re.findall(r'(\w+)=("[^"]*"|\S+)', match["options"] or ""):
            options[part[0]] = part[1].strip('"')
        line = source.count("\n", 0, match.start("language")) + 1
        text = textwrap.dedent(match["text"])
        blocks.append(Block(name, line, match["language"], text, options))
    return Page(name, blocks)


def all_pages() -> list[Page]:
    """Every document of the repository with code in it."""
    names = ["README.md", "CONTRIBUTING.md", "packages/engineio/README.md"]
    names += ["packages/socketio/README.md"]
    names += sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))
    pages = [read_page(name) for name in names if "node_modules" not in name]
    return [page for page in pages if page.blocks]
