"""The cookie with the session id that long-polling handshakes may set (``cookie=`` option).

Load balancers use it to send all requests of a session to one process; the server never reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

CookieValue: TypeAlias = "str | int | bool | Callable[[], str | int | bool]"
CookieOption: TypeAlias = "str | Mapping[str, CookieValue] | None"
"""The ``cookie`` option: a name, or a mapping with ``name`` and the attributes."""

DEFAULT_NAME = "io"

# RFC 6265 4.1.1: a token; and for attribute values any printable ASCII but the separator
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[ -:<-~]*")


def check_cookie_option(value: Any) -> CookieOption:
    """Return ``value`` if it can be a ``cookie`` option.

    Raises ValueError for names and values that a cookie cannot have; what callables return is
    checked when the cookie is made.
    """
    if not value:
        return None
    if not isinstance(value, str | Mapping):
        raise ValueError("cookie must be a name or a mapping")
    static = (
        value if isinstance(value, str) else {k: v for k, v in value.items() if not callable(v)}
    )
    make_cookie("sid", static)
    return value


def make_cookie(sid: str, cookie: CookieOption) -> str | None:
    """The value of the ``Set-Cookie`` header for a new session; ``None`` if there is no cookie.

    An attribute that is ``True`` is written without a value, one that is ``False`` or ``None``
    not at all.  Raises ValueError for what a cookie cannot hold.
    """
    if not cookie:
        return None
    if isinstance(cookie, str):
        return f"{_token(cookie)}={sid}; path=/; SameSite=Lax"
    parts = [f"{_token(cookie.get('name', DEFAULT_NAME))}={sid}"]
    for name, value in cookie.items():
        if name == "name":
            continue
        current = value() if callable(value) else value
        if current is True:
            parts.append(_token(name))
        elif current is not False and current is not None:
            parts.append(f"{_token(name)}={_value(current)}")
    return "; ".join(parts)


def _token(name: Any) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"invalid cookie name {name!r}")
    return name


def _value(value: Any) -> str:
    text = str(value)
    if not _VALUE.fullmatch(text):
        raise ValueError(f"invalid cookie attribute value {text!r}")
    return text
