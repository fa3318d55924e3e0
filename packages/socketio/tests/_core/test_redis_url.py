from __future__ import annotations

from typing import Any

import pytest

from socketio._core.redis_url import SCHEMES, parse_redis_sentinel_url, scheme_of


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_the_known_schemes_are_recognized(scheme: str) -> None:
    assert scheme_of(f"{scheme}://localhost") == scheme


@pytest.mark.parametrize("url", ["http://localhost", "redis", "redis:/localhost", ""])
def test_another_scheme_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="Unsupported"):
        scheme_of(url)


@pytest.mark.parametrize(
    ("url", "sentinels", "service", "options"),
    [
        ("redis+sentinel://h:1", [("h", 1)], None, {}),
        ("redis+sentinel://h1:1,h2:2/2/svc", [("h1", 1), ("h2", 2)], "svc", {"db": 2}),
        ("redis+sentinel://h:1//svc", [("h", 1)], "svc", {}),
        ("redis+sentinel://h:1/3", [("h", 1)], None, {"db": 3}),
        ("redis+sentinel://[::1]:7", [("::1", 7)], None, {}),
        (
            "valkey+sentinel://user:p%40ss@h:1",
            [("h", 1)],
            None,
            {"username": "user", "password": "p@ss"},
        ),
        ("redis+sentinel://:pw@h:1", [("h", 1)], None, {"password": "pw"}),
        ("rediss+sentinel://h:1", [("h", 1)], None, {"ssl": True}),
        ("valkeys+sentinel://h:1", [("h", 1)], None, {"ssl": True}),
    ],
)
def test_the_url_of_sentinels_is_taken_apart(
    url: str, sentinels: list[tuple[str, int]], service: str | None, options: dict[str, Any]
) -> None:
    assert parse_redis_sentinel_url(url) == (sentinels, service, options)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1",
        "redis+sentinel://h",
        "redis+sentinel://h:1,",
        "redis+sentinel://h:x",
        "redis+sentinel://:1",
        "redis+sentinel://h:1/svc",
    ],
)
def test_any_other_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_redis_sentinel_url(url)
