from __future__ import annotations

import functools
from typing import Any

import pytest
from request_support import FakeRequest, ServerOptions

from engineio._core.cors import check_origins_option, cors_headers, is_allowed, is_disabled

OWN = {"host": "own.org:5000"}
PROXIED = OWN | {"x-forwarded-proto": "https, http", "x-forwarded-host": " a.org , b.org"}


class Asker:
    """A callable that is not hashable."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, origin: str) -> bool:
        return origin == "http://a.org"


class AsyncAsker:
    async def __call__(self, origin: str) -> bool:
        return True


async def _later(origin: str) -> bool:
    return False


def _never(origin: str, *, strict: bool = True) -> bool:
    return False


def _any(*args: object) -> bool:
    return True


def _with_environ(origin: str, environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "GET" and origin == "http://a.org"


@pytest.mark.parametrize(
    ("origins", "headers", "origin", "allowed"),
    [
        (None, OWN, None, True),
        (None, OWN, "http://own.org:5000", True),
        (None, OWN, "https://own.org:5000", False),
        (None, OWN, "http://own.org", False),
        (None, OWN, "null", False),
        (None, {}, "http://", True),
        (None, {}, "http://a.org", False),
        (None, PROXIED, "https://a.org", True),
        (None, PROXIED, "http://own.org:5000", True),
        (None, PROXIED, "http://a.org", False),
        (None, PROXIED, "https://b.org", False),
        (None, OWN | {"x-forwarded-proto": "https"}, "https://own.org:5000", True),
        (None, OWN | {"x-forwarded-host": "a.org"}, "http://a.org", True),
        ("*", OWN, "http://a.org", True),
        ("*", OWN, "null", True),
        ("http://a.org", OWN, "http://a.org", True),
        ("http://a.org", OWN, "http://a.or", False),
        ("http://a.org", OWN, "http://own.org:5000", False),
        (["http://a.org", "http://b.org"], OWN, "http://b.org", True),
        (("http://a.org",), OWN, "http://c.org", False),
        ({"http://a.org"}, OWN, "http://a.org", True),
        (["*"], OWN, "http://c.org", True),
        ([], OWN, "http://c.org", True),
        ([], OWN, "\x00", True),
        ("*", OWN, "http://a.org\r\nX: 1", False),
        ("*", OWN, "", False),
        ("*", OWN, "http://\u00e4.org", False),
        ("*", OWN, "http://" + "a" * 2_048, False),
        (_with_environ, OWN, "http://a.org", True),
        (_with_environ, OWN, "http://b.org", False),
        (_never, OWN, "http://a.org", False),
        (_any, OWN, "http://a.org", True),
        (Asker(), OWN, "http://a.org", True),
        (Asker(), OWN, "http://b.org", False),
        ({"http://a.org"}.__contains__, OWN, "http://a.org", True),
        ({"http://a.org"}.__contains__, OWN, "http://b.org", False),
        (_never, OWN, None, True),
    ],
)
def test_an_origin_is_allowed_or_not(
    origins: Any, headers: dict[str, str], origin: str | None, allowed: bool
) -> None:
    request = FakeRequest(headers=headers if origin is None else headers | {"origin": origin})

    assert is_allowed(request, ServerOptions(cors_allowed_origins=origins)) is allowed


def test_the_scheme_is_that_of_the_request() -> None:
    request = FakeRequest(scheme="https", headers=OWN | {"origin": "https://own.org:5000"})

    assert is_allowed(request, ServerOptions())


def test_a_callable_is_asked_once_per_request() -> None:
    asked = []
    options = ServerOptions(cors_allowed_origins=lambda origin: asked.append(origin) or True)
    request = FakeRequest(headers={"origin": "http://a.org"})

    assert is_allowed(request, options)
    cors_headers(request, options)

    assert asked == ["http://a.org"]


@pytest.mark.parametrize("error", [TypeError, KeyError])
def test_errors_of_a_callable_are_not_hidden(error: type[Exception]) -> None:
    def broken(origin: str) -> bool:
        raise error("bug")

    options = ServerOptions(cors_allowed_origins=broken)

    with pytest.raises(error, match="bug"):
        is_allowed(FakeRequest(headers={"origin": "http://a.org"}), options)


def test_an_answer_that_must_be_awaited_allows_nothing() -> None:
    answer = _later("http://a.org")
    options = ServerOptions(cors_allowed_origins=lambda origin: answer)

    assert not is_allowed(FakeRequest(headers={"origin": "http://a.org"}), options)

    answer.close()


@pytest.mark.parametrize(
    "option",
    [None, "*", "http://a.org", [], ["*"], ("http://a.org",), {"http://a.org"}, _never, Asker()],
)
def test_options_that_are_understood(option: Any) -> None:
    assert check_origins_option(option) is option


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (_later, "coroutine"),
        (functools.partial(_later), "coroutine"),
        (AsyncAsker(), "coroutine"),
        (5, "must be"),
        (iter(["*"]), "must be"),
        ((), "is empty"),
        (set(), "is empty"),
    ],
)
def test_options_that_cannot_work_are_refused(option: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_origins_option(option)


def test_a_container_without_length_is_understood() -> None:
    class Everything:
        def __contains__(self, origin: object) -> bool:
            return origin == "http://a.org"

    option: Any = Everything()

    assert check_origins_option(option) is option


@pytest.mark.parametrize(
    ("origins", "disabled"), [([], True), (None, False), ("", False), ((), False), (["*"], False)]
)
def test_only_an_empty_list_disables_the_check(origins: Any, disabled: bool) -> None:
    assert is_disabled(origins) is disabled


CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
ORIGIN = ("Access-Control-Allow-Origin", "http://a.org")


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {}, [CREDENTIALS]),
        ("GET", {"origin": "http://a.org"}, [ORIGIN, CREDENTIALS]),
        (
            "OPTIONS",
            {"origin": "http://a.org", "access-control-request-headers": "content-type, x-a"},
            [
                ORIGIN,
                ("Access-Control-Allow-Methods", "OPTIONS, GET, POST"),
                ("Access-Control-Allow-Headers", "content-type, x-a"),
                CREDENTIALS,
            ],
        ),
        ("POST", {"access-control-request-headers": "x\r\nset-cookie: a=b"}, [CREDENTIALS]),
        ("POST", {"access-control-request-headers": "<script>"}, [CREDENTIALS]),
        ("POST", {"access-control-request-headers": ""}, [CREDENTIALS]),
    ],
)
def test_headers_of_an_answer(
    method: str, headers: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    request = FakeRequest(method=method, headers=headers)

    assert cors_headers(request, ServerOptions(cors_allowed_origins="*")) == expected


def test_credentials_can_be_off() -> None:
    options = ServerOptions(cors_allowed_origins="*", cors_credentials=False)

    assert cors_headers(FakeRequest(headers={"origin": "http://a.org"}), options) == [ORIGIN]


def test_there_are_no_headers_where_somebody_else_does_it() -> None:
    options = ServerOptions(cors_allowed_origins=[])

    assert cors_headers(FakeRequest(headers={"origin": "http://a.org"}), options) == []
