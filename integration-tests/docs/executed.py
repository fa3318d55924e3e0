"""A run of all tests of the documentation fails if it has left a block or a command out.

This is a plugin, not a test, because what the workers of a run have executed comes together only
at its end. A run of a part of these tests, or one that has failed or skipped some of them, is not
looked at.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs.blocks import EXECUTED, all_pages, as_executed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from docs.blocks import Page

HERE = Path(__file__).parent
KEY = "executed documentation"
LEFT_OUT = pytest.StashKey[list[str]]()
NO_CODE = {"toctree", "include"}
OTHERWISE = {
    # what is not run as it stands, by a pattern of the command, and what shows that it works
    r"pip install .*": "test_everything_runs.py looks at the names, test_newcomer.py runs some",
    r"python -m venv \.venv|\. \.venv/bin/activate": "test_newcomer.py",
    r"make \w+( \w+=\S+)?": "test_everything_runs.py looks at the targets",
    r"npm install socket\.io-client": "make setup installs it",
    r"\.venv/bin/pytest \S+": "test_everything_runs.py looks at the path",
    r"sudo nginx -c .*": "test_tutorial.py, without sudo",
}


def left_out(pages: list[Page], executed: Collection[str]) -> Iterator[str]:
    """What of the pages is not among what was executed."""
    for page in pages:
        for block in page.blocks:
            if block.language not in NO_CODE | {"sh"} and str(block) not in executed:
                yield str(block)
        for command in page.commands():
            if any(re.fullmatch(pattern, command) for pattern in OTHERWISE):
                continue
            start = as_executed(command.removesuffix(" &"))
            if not any(one.startswith(start) for one in executed):
                yield f"{page.name}: {command}"


def is_whole(config: pytest.Config) -> bool:
    """Whether all tests of this folder were to run."""
    option = config.option
    ignored = [Path(path).resolve() for path in option.ignore or ()]
    if option.keyword or option.markexpr or option.collectonly or option.deselect or option.lf:
        return False
    folder = config.invocation_params.dir
    asked = [(folder / argument).resolve() for argument in config.args]
    above = (HERE, *HERE.parents)
    return any(path in above for path in asked) and not any(path in above for path in ignored)


def has_skipped(config: pytest.Config) -> bool:
    """Whether a test of this folder could not run."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    return any("integration-tests/docs/" in report.nodeid for report in skipped)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over what a worker of xdist has executed."""
    EXECUTED.update(getattr(node, "workeroutput", {}).get(KEY, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what was executed, or fail where something is left out."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput[KEY] = sorted(EXECUTED)
    elif session.exitstatus == 0 and is_whole(config) and not has_skipped(config):
        config.stash[LEFT_OUT] = list(left_out(all_pages(), EXECUTED))
        if config.stash[LEFT_OUT]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name what is left out."""
    for name in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"FAILED {name} of the documentation is run by no test")
