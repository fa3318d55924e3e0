"""Virtual environments for tests that install our packages as users do, without a network."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = Path(__file__).resolve().parents[1] / "packages"
OURS = {"python-engineio", "python-socketio"}


def build_wheels(folder: Path) -> list[Path]:
    """Build our packages as they are published."""
    for package in ("engineio", "socketio"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
            cwd=PACKAGES / package,
            check=True,
            capture_output=True,
        )
    return sorted(folder.glob("*.whl"))


def copy_installed(environment: Path, *requirements: str) -> None:
    """Copy what these need, but not our packages, from the environment of the tests.

    It stands for the registry: pip then finds in place what it would download.
    """
    (site,) = environment.glob("lib/python*/site-packages")
    for name in needed(*requirements) - OURS:
        for file in importlib.metadata.files(name) or []:
            source = Path(str(file.locate()))
            if ".." not in file.parts:
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
            elif file.parent.name == "bin":
                copy_script(source, environment / "bin")


def copy_script(source: Path, folder: Path) -> None:
    """Copy a program that pip has made, for another environment's Python."""
    text = source.read_bytes()
    if text.startswith(b"#!"):
        text = f"#!{folder}/python\n".encode() + text.partition(b"\n")[2]
    (folder / source.name).write_bytes(text)
    (folder / source.name).chmod(0o755)


def needed(*requirements: str) -> set[str]:
    """The names of the distributions that these bring, by what is installed here."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        key = f"{canonicalize_name(requirement.name)}{sorted(requirement.extras)}"
        if key in seen:
            continue
        seen.add(key)
        found.add(canonicalize_name(requirement.name))
        extras = requirement.extras or {""}
        for text in importlib.metadata.requires(requirement.name) or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": x}) for x in extras):
                waiting.append(inner)
    return found
