"""The distributions that would be published: what they hold, and that they need nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from environments import copy_installed

PACKAGES = Path(__file__).resolve().parents[1] / "packages"
pytestmark = pytest.mark.timeout(180)  # environments take their time where others work as well

WITHOUT_EXTRAS = {
    "client": "socketio.Client().connect('http://127.0.0.1:1')",
    "asyncio-client": "asyncio.run(socketio.AsyncClient().connect('http://127.0.0.1:1'))",
    "fast": "socketio.run(socketio.AsyncServer())",
    "msgpack": "socketio.AsyncServer(serializer='msgpack')",
    "redis": "socketio.RedisManager('redis://127.0.0.1:1', write_only=True).emit('x', 1)",
    "valkey": "socketio.RedisManager('valkey://127.0.0.1:1', write_only=True).emit('x', 1)",
    "kombu": "socketio.KombuManager()",
    "kafka": "socketio.KafkaManager()",
    "aio-pika": "socketio.AsyncAioPikaManager()",
    "zmq": "socketio.ZmqManager()",
}
"""Something that does not work without each extra."""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels and source distributions of both packages."""
    dist = tmp_path_factory.mktemp("dist")
    for package in ("engineio", "socketio"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", str(dist)],
            cwd=PACKAGES / package,
            check=True,
        )
    return dist


@pytest.fixture(scope="module")
def empty_venv(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which `pip install python-socketio` found only our wheels."""
    target = tmp_path_factory.mktemp("venv")
    venv.create(target)
    python = target / "bin" / "python"
    copy_installed(target, "python-socketio")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install"]
        + ["--no-index", "--find-links", str(dist), "python-socketio"],
        check=True,
    )
    return python


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel, without the record of them."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/RECORD")]
        return {name: archive.read(name) for name in names}


def test_the_wheels_carry_the_type_marker_and_the_licence(dist: Path) -> None:
    for name in ("engineio", "socketio"):
        (wheel,) = dist.glob(f"python_{name}-*.whl")
        files = contents(wheel)

        assert f"{name}/py.typed" in files
        assert any(file.endswith("/licenses/LICENSE") for file in files)
        assert {file.partition("/")[0] for file in files if not file.startswith("python_")} <= {
            name,
            "pytest_socketio.py",
        }


@pytest.mark.parametrize("name", ["engineio", "socketio"])
def test_the_source_distribution_builds_the_same_wheel(
    name: str, dist: Path, tmp_path: Path
) -> None:
    (source,) = dist.glob(f"python_{name}-*.tar.gz")
    (wheel,) = dist.glob(f"python_{name}-*.whl")
    subprocess.run(["tar", "-xzf", source, "-C", tmp_path], check=True)
    (unpacked,) = tmp_path.iterdir()

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=unpacked,
        check=True,
    )

    (rebuilt,) = tmp_path.glob("*.whl")
    assert contents(rebuilt) == contents(wheel)
    assert (unpacked / "tests").is_dir()


def test_both_packages_import_without_any_extra(empty_venv: Path) -> None:
    code = (
        "import engineio, socketio, socketio.testing\n"
        "[getattr(m, name) for m in (engineio, socketio) for name in m.__all__]"
    )

    subprocess.run([empty_venv, "-W", "error", "-c", code], check=True)


def test_servers_are_made_without_any_extra(empty_venv: Path) -> None:
    code = (
        "import socketio\n"
        "socketio.ASGIApp(socketio.AsyncServer())\n"
        "socketio.WSGIApp(socketio.Server())\n"
    )

    subprocess.run([empty_venv, "-W", "error", "-c", code], check=True)


def test_an_application_is_tested_without_any_extra(empty_venv: Path) -> None:
    code = (
        "import socketio, socketio.testing\n"
        "sio = socketio.Server()\n"
        "sio.on('double', lambda sid, number: 2 * number)\n"
        "with socketio.testing.TestServer(sio) as server:\n"
        "    assert server.connect().call('double', 21) == 42\n"
    )

    subprocess.run([empty_venv, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize("extra", WITHOUT_EXTRAS)
def test_an_error_names_the_extra_that_is_missing(extra: str, empty_venv: Path) -> None:
    code = f"import asyncio, socketio\n{WITHOUT_EXTRAS[extra]}"

    done = subprocess.run([empty_venv, "-c", code], capture_output=True, text=True, timeout=30)

    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert re.search(rf"pip install ['\"]python-(socketio|engineio)\[{extra}\]", last), done.stderr


def test_every_extra_is_tried(empty_venv: Path) -> None:
    code = (
        "from importlib.metadata import metadata\n"
        "print(*metadata('python-socketio').get_all('Provides-Extra'))"
    )

    done = subprocess.run([empty_venv, "-c", code], capture_output=True, text=True, check=True)

    extras = set(done.stdout.split())
    assert extras == {*WITHOUT_EXTRAS, "testing"}
