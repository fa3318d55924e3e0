"""Finding the generated twins of a package, and what of them must be the same in both colours."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType

HEADER = re.compile(r"# Generated from (\w+)\.py by")
COLOUR = re.compile(r"(?:\b|(?<=\bAbstract)|(?<=\bInstrumented))Async(?=[A-Z])|\basync_(?=\w)")


class Pair(NamedTuple):
    """An asyncio module and its twin."""

    source: ModuleType
    twin: ModuleType


def find_pairs(package: ModuleType) -> list[Pair]:
    """Return the twins of a package with their sources."""
    root = Path(str(package.__file__)).parent
    pairs = []
    for path in sorted(root.rglob("*.py")):
        found = HEADER.match(path.read_text())
        if found is not None:
            folder = ".".join((package.__name__, *path.relative_to(root).parent.parts))
            modules = [import_module(f"{folder}.{name}") for name in (found[1], path.stem)]
            pairs.append(Pair(*modules))
    return pairs


def neutral(text: str) -> str:
    """Return a name or an annotation without the colour in it."""
    return COLOUR.sub("", text)


def public_names(owner: Any) -> dict[str, Any]:
    """Return what a module or a class itself defines, under colourless names."""
    return {
        neutral(name): value
        for name, value in vars(owner).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    }


def shape(value: Any) -> Any:
    """Return what must be the same in both colours: of a function its parameters, annotated."""
    if isinstance(value, (classmethod, staticmethod)):
        return type(value), shape(value.__func__)
    if isinstance(value, property):
        return property, shape(value.fget)
    if not inspect.isfunction(value):
        return type(value).__name__
    signature = inspect.signature(value)
    parameters = [
        (p.name, p.kind, neutral(repr(p.default)), neutral(str(p.annotation)))
        for p in signature.parameters.values()
    ]
    return parameters, neutral(str(signature.return_annotation))


def shapes(module: ModuleType) -> dict[str, Any]:
    """Return the shapes of all that a module defines, classes with their members."""
    found: dict[str, Any] = {}
    for name, value in public_names(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        found[name] = shape(value)
        if inspect.isclass(value):
            members = public_names(value)
            found.update({f"{name}.{member}": shape(each) for member, each in members.items()})
    return found


def coroutine_functions(module: ModuleType) -> list[str]:
    """Return the names of all functions of a module that have a colour."""
    owners = [module, *filter(inspect.isclass, vars(module).values())]
    return [
        f"{owner.__name__}.{name}"
        for owner in owners
        if owner is module or owner.__module__ == module.__name__
        for name, value in vars(owner).items()
        if inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)
    ]
