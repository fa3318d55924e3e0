"""A typed application is free of errors, in the strict modes of both checkers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest

from .conftest import APPS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PYRIGHT = ROOT / "integration-tests/js/node_modules/.bin/pyright"


@pytest.fixture(scope="module")
def python(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has our packages, and nothing else, where checkers look for typed ones."""
    target = tmp_path_factory.mktemp("typed")
    venv.create(target, with_pip=False)
    interpreter = str(target / "bin" / "python")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", interpreter, "install", "-q", "--no-index"]
        + ["--no-deps", *map(str, wheels)],
        check=True,
    )
    return interpreter


def test_pyright(python: str, tmp_path: Path) -> None:
    shutil.copy(APPS / "typed_app.py", tmp_path)
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.10"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))

    done = subprocess.run(
        [PYRIGHT, "--pythonpath", python, "-p", str(tmp_path), "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    assert report["generalDiagnostics"] == []


def test_mypy(python: str, tmp_path: Path) -> None:
    command = ["-m", "mypy", "--strict", "--python-executable", python]
    command += ["--config-file", "", "--cache-dir", str(tmp_path)]

    done = subprocess.run(
        [sys.executable, *command, str(APPS / "typed_app.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout
