"""Both packages keep the public contract that applications and other packages rely on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import engineio
import socketio

from .differences import (
    Difference,
    compare_exports,
    compare_instance,
    compare_module,
    contract,
    look_up,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = [engineio.__name__, socketio.__name__]
MODULES = [name for package in PACKAGES for name in contract(package)["modules"]]
INSTANCES = [name for package in PACKAGES for name in contract(package)["instances"]]
TABLES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "deliberate.toml").read_text())
DELIBERATE = {name: entry["reason"] for entry in TABLES["deliberate"] for name in entry["names"]}
IN_THE_MAKING: list[str] = TABLES.get("in_the_making", {}).get("names", [])

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "engineio.ASGIApp": (None,),
    "engineio.WSGIApp": (None,),
    "socketio.ASGIApp": (None,),
    "socketio.WSGIApp": (None,),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "engineio.AsyncServer": {"async_mode": "asgi"},
    "engineio.Server": {"async_mode": "threading"},
    "socketio.AsyncServer": {"async_mode": "asgi"},
    "socketio.Server": {"async_mode": "threading"},
    "engineio.AsyncClient": {"handle_sigint": False},
    "engineio.Client": {"handle_sigint": False},
    "socketio.AsyncClient": {"handle_sigint": False},
    "socketio.Client": {"handle_sigint": False},
}
"""What the new objects in the contract were made with."""


def covers(entry: str, name: str) -> bool:
    """Whether an entry of deliberate.toml is about a name, or about what contains it."""
    return name == entry or name.startswith(f"{entry}.")


def check(differences: Iterable[Difference]) -> None:
    unexpected = [
        difference
        for difference in differences
        if not any(covers(entry, difference.name) for entry in DELIBERATE)
    ]
    if all(any(covers(entry, found.name) for entry in IN_THE_MAKING) for found in unexpected):
        if unexpected:
            pytest.xfail("in the making")
        return
    assert not unexpected, "\n".join(map(str, unexpected))


def make(name: str) -> Any:
    if name == "engineio.socket.Socket":
        return engineio.socket.Socket(engineio.Server(async_mode="threading"), "sid")
    factory = look_up(name)
    return factory(*ARGUMENTS.get(name, ()), **OPTIONS.get(name, {}))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_exports_what_it_must(package: str) -> None:
    check(compare_exports(package))


@pytest.mark.parametrize("module", MODULES)
def test_the_module_has_what_it_must(module: str) -> None:
    check(compare_module(module))


@pytest.mark.parametrize("name", INSTANCES)
async def test_a_new_object_has_the_attributes_that_it_must(name: str) -> None:
    if look_up(name) is None or not callable(look_up(name)):
        check([Difference(name, "is missing")])
        return
    check(compare_instance(name, make(name)))


def test_every_deliberate_difference_exists() -> None:
    found = [difference.name for module in MODULES for difference in compare_module(module)]
    found += [difference.name for package in PACKAGES for difference in compare_exports(package)]
    for name in INSTANCES:
        if callable(look_up(name)):
            found += [difference.name for difference in compare_instance(name, make(name))]

    unused = [entry for entry in DELIBERATE if not any(covers(entry, name) for name in found)]

    assert unused == []


def test_every_deliberate_difference_has_a_reason() -> None:
    assert [name for name, reason in DELIBERATE.items() if not reason.strip()] == []
