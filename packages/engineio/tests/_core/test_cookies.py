from __future__ import annotations

from typing import Any

import pytest

from engineio._core.cookies import check_cookie_option, make_cookie

COOKIES: list[tuple[Any, str | None]] = [
    (None, None),
    ("", None),
    ({}, None),
    ("io", "io=abc; path=/; SameSite=Lax"),
    ({"name": "x"}, "x=abc"),
    ({"path": "/"}, "io=abc; path=/"),
    (
        {"name": "x", "path": "/a b", "Max-Age": 60, "Secure": True, "SameSite": lambda: "None"},
        "x=abc; path=/a b; Max-Age=60; Secure; SameSite=None",
    ),
    ({"name": "x", "HttpOnly": False, "domain": None, "Secure": lambda: True}, "x=abc; Secure"),
]

BAD_COOKIES: list[Any] = [
    "a b",
    "a=b",
    "a;b",
    "a\r\nb",
    "\u00e4",
    {"name": ""},
    {"name": 1},
    {"name": "a;b"},
    {"pa th": "/"},
    {"b;d": True},
    {1: True},
    {"path": "/; Secure"},
    {"path": "/\r\nX-Evil: 1"},
    {"path": "/\u00e4"},
]


@pytest.mark.parametrize(("option", "header"), COOKIES)
def test_a_cookie_is_made_from_its_option(option: Any, header: str | None) -> None:
    assert make_cookie("abc", option) == header
    assert check_cookie_option(option) == (option or None)


@pytest.mark.parametrize("option", BAD_COOKIES, ids=repr)
def test_what_a_cookie_cannot_hold_is_refused(option: Any) -> None:
    with pytest.raises(ValueError, match="invalid cookie"):
        make_cookie("abc", option)
    with pytest.raises(ValueError, match="invalid cookie"):
        check_cookie_option(option)


@pytest.mark.parametrize("option", [True, 1, ["io"], b"io"])
def test_an_option_of_another_type_is_refused(option: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        check_cookie_option(option)


def test_callables_are_asked_for_each_cookie_and_not_before() -> None:
    paths = iter(["/1", "/2", "/\n"])
    option = {"path": lambda: next(paths)}

    check_cookie_option(option)

    assert make_cookie("abc", option) == "io=abc; path=/1"
    assert make_cookie("abc", option) == "io=abc; path=/2"
    with pytest.raises(ValueError, match="invalid cookie"):
        make_cookie("abc", option)
