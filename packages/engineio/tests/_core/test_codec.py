from __future__ import annotations

import builtins
import dataclasses
import datetime
import enum
import importlib.util
import json as standard
import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engineio import json as guarded
from engineio._core import codec as codec_module
from engineio._core.codec import MAX_DEPTH, MAX_INT_DIGITS, make_codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engineio._core.codec import Codec

# What the fast and the standard codec must agree on, bare and through the ``json=`` option.
DEFAULT = make_codec()
STANDARD = make_codec(guarded)
CODECS = [pytest.param(DEFAULT, id="default"), pytest.param(STANDARD, id="module")]

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters())
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), inner)
    ),
)


class Colour(enum.IntEnum):
    RED = 3


class Text(str):
    pass


class Pairs(dict[str, int]):
    pass


@dataclasses.dataclass
class Point:
    x: int


def _same(a: Any, b: Any) -> bool:
    """Equality in which NaN equals itself."""
    return repr(a) == repr(b)


@given(values)
@example([float("nan"), None, float("-inf")])
@example("\ud800")
@example({"null": None})
@example({1: {True: {None: 2**64}}})
def test_all_codecs_write_what_the_standard_library_writes(value: Any) -> None:
    expected = standard.loads(standard.dumps(value))

    assert _same(standard.loads(DEFAULT.dumps(value)), expected)
    assert _same(standard.loads(STANDARD.dumps(value)), expected)


@given(values)
@example("\ud800")
@example([1e308, 5e-324, -0.0, 2**63, -(2**63) - 1])
def test_all_codecs_read_what_the_standard_library_writes(value: Any) -> None:
    text = standard.dumps(value)

    assert _same(DEFAULT.loads(text), standard.loads(text))
    assert _same(STANDARD.loads(text), standard.loads(text))


@given(st.text() | st.text('[]{}",:0123456789.eE+-\\ntrufalsNI \ud800'))
@example("1e999")
@example('{"a":1,"a":2}')
@example("-0")
@example("\ufeff1")
@example('"\ud800"')
@example('"\\ud800"')
@example('"\x01"')
@example('"\\')
@example("[" * 200_000)
@example("-" + "1" * 5_000)
def test_any_text_is_read_alike_or_refused_by_all(text: str) -> None:
    def read(codec: Codec) -> object:
        try:
            return codec.loads(text)
        except ValueError:
            return ValueError

    assert _same(read(DEFAULT), read(STANDARD))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "value", [Colour.RED, Text("a"), Pairs(a=1), (1, 2), {Text("k"): Colour.RED}]
)
def test_subclasses_are_written_as_the_standard_library_does(codec: Codec, value: Any) -> None:
    assert standard.loads(codec.dumps(value)) == standard.loads(standard.dumps(value))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "value",
    [b"a", bytearray(b"a"), {"deep": [b"a"]}, {1}, object(), Point(1), datetime.date(2020, 1, 1)],
)
def test_what_json_cannot_hold_is_a_type_error(codec: Codec, value: Any) -> None:
    with pytest.raises(TypeError):
        codec.dumps(value)


@pytest.mark.parametrize("codec", CODECS)
def test_the_output_is_compact(codec: Codec) -> None:
    assert codec.dumps(["a", {"b": [1, 2]}]) == b'["a",{"b":[1,2]}]'


# limits


def _nested(depth: int, inside: str = "") -> str:
    return "[" * depth + inside + "]" * depth


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("filler", ["", '"[[{{"', '"\\"[", "\\\\"', "{}, []"])
def test_nesting_is_limited_to_the_default(codec: Codec, filler: str) -> None:
    inner = 1 if filler == "{}, []" else 0

    codec.loads(_nested(MAX_DEPTH - inner, filler))
    with pytest.raises(ValueError, match="deeper than 128"):
        codec.loads(_nested(MAX_DEPTH + 1 - inner, filler))


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 7, 8, 9])
def test_small_depths_are_exact(depth: int) -> None:
    codec = make_codec(max_depth=depth)

    codec.loads(_nested(depth) if depth else "1")
    codec.loads(f'"{"[" * 20}"')
    with pytest.raises(ValueError, match="deeper"):
        codec.loads(_nested(depth + 1))
    with pytest.raises(ValueError, match="deeper"):
        codec.loads('{"a":' * (depth + 1) + "1" + "}" * (depth + 1))


def _depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth_of, value), default=0)
    return 0


nested = st.recursive(
    st.text('[]{}"\\a'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\'), inner),
    max_leaves=40,
)


@given(nested, st.integers(0, 12))
def test_the_depth_limit_is_that_of_the_value(value: Any, limit: int) -> None:
    codec = make_codec(max_depth=limit)
    text = standard.dumps(value)

    if _depth_of(value) <= limit:
        assert codec.loads(text) == value
    else:
        with pytest.raises(ValueError, match="deeper"):
            codec.loads(text)


def test_wide_messages_are_not_deep() -> None:
    rows = [{"id": number, "tags": ["a", '"[']} for number in range(1_000)]

    assert DEFAULT.loads(standard.dumps(rows)) == rows


@pytest.mark.parametrize("json", [None, guarded])
def test_a_raised_depth_limit_does_not_overflow_the_stack(json: Any) -> None:
    codec = make_codec(json, max_depth=10**9)

    with pytest.raises(ValueError, match="too deep"):
        codec.loads(_nested(200_000))
    with pytest.raises(ValueError):
        codec.loads("[" * 200_000)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "template", ["%s", "[1,%s]", '{"a":%s}', "-%s", '["%s", ' + "%s" + "]"], ids=repr
)
def test_integers_are_limited_to_the_default(codec: Codec, template: str) -> None:
    fields = template.count("%s")

    # the standard module counts the sign as well
    longest = "7" * (MAX_INT_DIGITS - template.startswith("-"))
    codec.loads(template % ((longest,) * fields))
    with pytest.raises(ValueError, match="100 digits"):
        codec.loads(template % (("7" * (MAX_INT_DIGITS + 1),) * fields))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "text",
    [
        f'"{"1" * 5_000}"',
        f'"\\"{"1" * 500}\\\\"',
        f'{{"{"1" * 500}":"a"}}',
        "0." + "1" * 500,
        "1" * 200 + ".5",
        "1." + "0" * 500 + "e5",
        str([10**99] * 50),
        str(list(range(10**12, 10**12 + 50))),
    ],
    ids=lambda text: text[:20],
)
def test_other_digits_are_not_limited(codec: Codec, text: str) -> None:
    assert codec.loads(text) == standard.loads(text)


@given(st.integers(0, 40), st.integers(1, 60), st.text("a1 ", max_size=50))
def test_the_integer_limit_is_exact(limit: int, digits: int, before: str) -> None:
    codec = make_codec(max_int_digits=limit)
    text = f'["{before}",{"9" * digits}]'

    if digits <= limit:
        assert codec.loads(text) == standard.loads(text)
    else:
        with pytest.raises(ValueError, match="digits"):
            codec.loads(text)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 129 + '"' + '\\"' * 300_000,
        "[" * 129 + "\\" * 600_001,
        '"' + '\\"' * 300_000 + "1" * 200,
        "1" * 200 + '"' * 600_001,
        "{" * 129 + '""' * 300_000,
    ],
    ids=["quotes", "backslashes", "quotes-digits", "digits-quotes", "empty-strings"],
)
@pytest.mark.timeout(20)
def test_the_limits_are_checked_in_linear_time(codec: Codec, text: str) -> None:
    with pytest.raises(ValueError):
        codec.loads(text)


# the json= option


class Recorder:
    """A ``json=`` object that writes what it was asked."""

    def __init__(self) -> None:
        self.separators: Sequence[str] = ()

    def dumps(self, value: Any, *, separators: tuple[str, str] = (", ", ": ")) -> str:
        self.separators = separators
        return f"<{value}>"

    def loads(self, text: str) -> Any:
        return ("read", text)


def test_a_json_object_is_used_as_it_is() -> None:
    json = Recorder()
    codec = make_codec(json)

    assert codec.dumps("\u00e4") == "<\u00e4>".encode()
    assert json.separators == (",", ":")
    assert codec.loads("anything") == ("read", "anything")


def test_the_limits_hold_for_a_json_object_too() -> None:
    codec = make_codec(Recorder(), max_depth=1, max_int_digits=2)

    with pytest.raises(ValueError, match="deeper"):
        codec.loads("[[1]]")
    with pytest.raises(ValueError, match="digits"):
        codec.loads("[123]")


def test_text_that_utf8_cannot_hold_is_an_error_of_the_sender() -> None:
    json: Any = SimpleNamespace(
        dumps=lambda value, separators: standard.dumps(value, ensure_ascii=False), loads=None
    )

    with pytest.raises(ValueError):
        make_codec(json).dumps("\ud800")


def test_nan_is_written_by_name() -> None:
    assert DEFAULT.dumps([math.nan, None]) == b"[NaN,null]"


def test_the_standard_library_does_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without_compiled(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in ("orjson", "msgspec"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_compiled)
    spec = importlib.util.find_spec("engineio._core.codec")
    assert spec is not None and spec.loader is not None
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)

    codec = bare.make_codec()

    assert bare.COMPILED is False and codec_module.COMPILED is True
    assert codec.loads(codec.dumps({"a": [1]}).decode()) == {"a": [1]}
    with pytest.raises(ValueError, match="deeper"):
        codec.loads(_nested(129))
