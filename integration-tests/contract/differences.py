"""Where a package differs from its public contract: the names, parameters and values of upstream.

``engineio.json`` and ``socketio.json`` hold the contract, ``deliberate.toml`` what we do otherwise
on purpose.  Ours may have more: names, attributes, defaults, parameters with a default after the
others.  What a class inherits from another package is not listed, but the class that it is from.
"""

from __future__ import annotations

import ast
import inspect
import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
MISSING = object()
KINDS = inspect.Parameter
COLOURS = {"async": inspect.iscoroutinefunction, "async generator": inspect.isasyncgenfunction}


class Difference(NamedTuple):
    """One thing that is not as the contract says; ``name`` is where, with dots."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


class Parameter(NamedTuple):
    name: str
    kind: int
    default: str | None


@cache
def contract(package: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / f"{package}.json").read_text())
    return loaded


def compare_module(name: str) -> Iterator[Difference]:
    """Compare a module with the contract: its classes, functions and values."""
    expected = contract(name.split(".")[0])["modules"][name]
    try:
        module = import_module(name)
    except ImportError as error:
        yield Difference(name, f"cannot be imported ({error})")
        return
    for function, signature in expected.get("functions", {}).items():
        yield from compare_function(
            f"{name}.{function}", getattr(module, function, None), signature
        )
    yield from compare_values(name, module, expected)
    table = getattr(module, "_async", {})
    for key in expected.get("_async", []):
        if key not in table:
            yield Difference(f"{name}._async", f"has no {key!r}")
    for class_name, members in expected.get("classes", {}).items():
        yield from compare_class(f"{name}.{class_name}", find(module, class_name), members)


def compare_exports(package: str) -> Iterator[Difference]:
    """Compare what the package offers itself; each name is also where the contract has it."""
    module = import_module(package)
    for name, origin in contract(package)["exports"].items():
        if name not in getattr(module, "__all__", ()):
            yield Difference(f"{package}.{name}", "is not in __all__")
        value = find(module, name)
        if value is MISSING:
            yield Difference(f"{package}.{name}", "is missing")
        elif value is not look_up(origin):
            yield Difference(f"{package}.{name}", f"is not {origin}")


def compare_instance(name: str, instance: Any) -> Iterator[Difference]:
    """Compare the attributes of a new object."""
    for attribute, literal in contract(name.split(".")[0])["instances"][name].items():
        where = f"{name}().{attribute}"
        value = getattr(instance, attribute, MISSING)
        if value is MISSING:
            yield Difference(where, "is missing")
        elif literal is not None and value != read(literal):
            yield Difference(where, f"is {value!r}, not {literal}")


def compare_class(name: str, ours: Any, expected: dict[str, Any]) -> Iterator[Difference]:
    if not inspect.isclass(ours):
        yield Difference(name, "is missing")
        return
    for base in expected.get("bases", []):
        parent = look_up(base)
        if parent is not MISSING and not issubclass(ours, parent):
            yield Difference(name, f"is no {base}")
    for attribute in expected.get("properties", []):
        if not isinstance(inspect.getattr_static(ours, attribute, None), property):
            yield Difference(f"{name}.{attribute}", "is no property")
    yield from compare_values(name, ours, expected)
    for method, signature in expected.get("methods", {}).items():
        yield from compare_function(f"{name}.{method}", raw_method(ours, method), signature)


def compare_values(name: str, holder: Any, expected: dict[str, Any]) -> Iterator[Difference]:
    for attribute in expected.get("names", []):
        if find(holder, attribute) is MISSING:
            yield Difference(f"{name}.{attribute}", "is missing")
    for attribute, value in expected.get("values", {}).items():
        actual = find(holder, attribute)
        if actual is MISSING:
            yield Difference(f"{name}.{attribute}", "is missing")
        elif plain(actual) != value:
            yield Difference(f"{name}.{attribute}", f"is {actual!r}, not {value!r}")


def compare_function(name: str, ours: Any, expected: str) -> Iterator[Difference]:
    """Compare a function with a signature as the contract writes it: ``async (self, sid=None)``."""
    if ours is None:
        yield Difference(name, "is missing")
        return
    words, _, rest = expected.partition("(")
    signature = f"({rest}"
    is_class_method = words.startswith("class ")
    if is_class_method != isinstance(ours, classmethod):
        yield Difference(name, "should be a class method" if is_class_method else "is one")
    ours = ours.__func__ if isinstance(ours, classmethod) else ours
    colour = words.removeprefix("class ").strip()
    for word, has_colour in COLOURS.items():
        if has_colour(ours) != (word == colour):
            yield Difference(name, f"should be {colour or 'a plain function'}")
            break
    problem = compare_parameters(parameters_of(ours), parameters_in(signature))
    if problem:
        yield Difference(name, f"{inspect.signature(ours)} instead of {signature}: {problem}")


def compare_parameters(ours: list[Parameter], expected: list[Parameter]) -> str | None:
    """Return what a caller who keeps to the contract would stumble over."""
    if ours[:1] == [Parameter("self", KINDS.POSITIONAL_ONLY, None)]:
        ours, expected = ours[1:], expected[1:]  # a method of object, written in C
    positional = [p for p in expected if p.kind == KINDS.POSITIONAL_OR_KEYWORD]
    for mine, theirs in zip(ours, positional, strict=False):
        if mine != theirs and (theirs.default is not None or mine[:2] != theirs[:2]):
            return f"{mine.name}={mine.default} for {theirs.name}={theirs.default}"
    if len(ours) < len(positional):
        return f"{positional[len(ours)].name} is missing"
    more = ours[len(positional) :]
    kinds = {p.kind for p in more}
    for theirs in expected[len(positional) :]:
        is_variadic = theirs.kind in (KINDS.VAR_POSITIONAL, KINDS.VAR_KEYWORD)
        if theirs.kind not in kinds if is_variadic else theirs not in more:
            return f"{theirs.name} is missing"
    expected_names = {p.name for p in expected}
    for mine in more:
        if mine.name not in expected_names and mine.default is None and mine.kind in (
            KINDS.POSITIONAL_OR_KEYWORD, KINDS.KEYWORD_ONLY,
        ):  # fmt: skip
            return f"{mine.name} has no default"
    return None


def parameters_of(function: Any) -> list[Parameter]:
    def default(value: Any) -> str | None:
        if value is KINDS.empty:
            return None
        return value.__name__ if isinstance(value, type) else repr(value)

    parameters = inspect.signature(function).parameters.values()
    return [Parameter(p.name, p.kind, default(p.default)) for p in parameters]


def parameters_in(signature: str) -> list[Parameter]:
    """Read a signature that is written down."""
    tree = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(tree, ast.FunctionDef)
    names = tree.args.args
    defaults: list[ast.expr | None] = [None] * (len(names) - len(tree.args.defaults))
    found = [
        Parameter(name.arg, KINDS.POSITIONAL_OR_KEYWORD, written(value))
        for name, value in zip(names, [*defaults, *tree.args.defaults], strict=True)
    ]
    if tree.args.vararg:
        found.append(Parameter(tree.args.vararg.arg, KINDS.VAR_POSITIONAL, None))
    for name, value in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True):
        found.append(Parameter(name.arg, KINDS.KEYWORD_ONLY, written(value)))
    if tree.args.kwarg:
        found.append(Parameter(tree.args.kwarg.arg, KINDS.VAR_KEYWORD, None))
    return found


def written(value: ast.expr | None) -> str | None:
    return None if value is None else ast.unparse(value)


def raw_method(owner: type, name: str) -> Any:
    """A method as it is written, so that class methods can be told from others."""
    static = inspect.getattr_static(owner, name, None)
    return static if isinstance(static, classmethod) else getattr(owner, name, None)


def look_up(name: str) -> Any:
    """The object of a dotted name."""
    module, _, attribute = name.rpartition(".")
    try:
        return find(import_module(module), attribute)
    except ImportError:
        return MISSING


def find(holder: Any, name: str) -> Any:
    """An attribute, or one of a class inside: ``reason.PING_TIMEOUT``."""
    for part in name.split("."):
        holder = getattr(holder, part, MISSING)
    return holder


def plain(value: Any) -> Any:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def read(literal: str) -> Any:
    return set() if literal == "set()" else ast.literal_eval(literal)
