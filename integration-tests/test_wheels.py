"""Both packages build as wheels and work in an environment that holds nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[1] / "packages"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    for package in ("engineio", "socketio"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", str(dist)],
            cwd=PACKAGES / package,
            check=True,
        )
    return dist


@pytest.fixture(scope="module")
def empty_venv(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which `pip install python-socketio` found only our own wheels."""
    target = tmp_path_factory.mktemp("venv")
    venv.create(target, with_pip=True)
    python = target / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--no-index", "--find-links", wheels, "python-socketio"],
        check=True,
    )
    return python


def test_the_wheels_carry_the_type_marker_and_the_licence(wheels: Path) -> None:
    for name in ("engineio", "socketio"):
        (wheel,) = wheels.glob(f"python_{name}-*.whl")
        files = zipfile.ZipFile(wheel).namelist()

        assert f"{name}/py.typed" in files
        assert any(file.endswith("/licenses/LICENSE") for file in files)
        assert not any(file.startswith("tests") for file in files)


def test_both_packages_import_without_any_extra(empty_venv: Path) -> None:
    code = (
        "import engineio, socketio\n"
        "[getattr(m, name) for m in (engineio, socketio) for name in m.__all__]"
    )

    subprocess.run([empty_venv, "-W", "error", "-c", code], check=True)


def test_a_server_is_made_without_any_extra(empty_venv: Path) -> None:
    code = "import socketio; socketio.ASGIApp(socketio.AsyncServer())"

    subprocess.run([empty_venv, "-W", "error", "-c", code], check=True)
