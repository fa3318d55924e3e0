"""What a request to the Engine.IO path is: a new session, a poll, a POST, an upgrade, or an error.

Implements the order of checks of the protocol's servers; see ``screen`` and ``route``.

hot path: each long-polling request and each handshake (benchmarks "long-polling", "connect").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote_plus

from . import replies
from .cors import is_allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .options import Options as Options
    from .request import Reply, Request
    from .session import Session, Transport

PROTOCOL_VERSION = "4"

MAX_JSONP_DIGITS = 10
"""Longest JSONP index; browsers count from 0."""

Kind: TypeAlias = Literal[
    "bad-origin",
    "bad-transport",
    "bad-version",
    "bad-jsonp-index",
    "bad-upgrade",
    "bad-method",
    "bad-sid",
    "not-connected",
    "unexpected-http",
    "no-websocket",
]
"""Why a request was refused; a server logs each kind loudly once."""


@dataclass(slots=True)
class Refuse:
    """Answer with an error.  ``reply`` is finished; ``kind`` is for the log."""

    reply: Reply
    kind: Kind


@dataclass(slots=True)
class Preflight:
    """Answer a CORS preflight.  ``reply`` is finished."""

    reply: Reply


@dataclass(slots=True)
class Open:
    """Make a session; answer when the application has accepted it."""

    transport: Transport
    jsonp: int | None


@dataclass(slots=True)
class Poll:
    """Answer with what waits for this session, or wait for it."""

    session: Session
    jsonp: int | None


@dataclass(slots=True)
class Post:
    """Read the body: packets from this session's client.  With ``jsonp``, ``unwrap_jsonp`` it."""

    session: Session
    jsonp: int | None


@dataclass(slots=True)
class Upgrade:
    """Open the WebSocket and let it probe."""

    session: Session


@dataclass(slots=True)
class AcceptAndClose:
    """Open the WebSocket and close it: this session has one already."""


Decision: TypeAlias = Refuse | Preflight | Open | Poll | Post | Upgrade | AcceptAndClose


def screen(request: Request, options: Options) -> Refuse | Preflight | None:
    """Look at a request without looking at the sessions; ``None`` leaves it to ``route``.

    In this order: origin, preflight.  The application is called if ``cors_allowed_origins`` is
    a callable, and whatever that raises is raised here.
    """
    if not is_allowed(request, options):
        reply = replies.error(replies.FORBIDDEN, "origin not allowed")
        return Refuse(replies.refuse_origin(reply), "bad-origin")
    if request.method == "OPTIONS":
        return Preflight(replies.finish(replies.preflight(), request, options))
    return None


def route(request: Request, options: Options, sessions: Mapping[str, Session]) -> Decision:
    """Decide what to do with a request that passed ``screen``.

    In this order: transport, JSONP index; then without a ``sid`` version, method and WebSocket,
    or with one the session, its state, and method against transport.
    """
    outcome = _route(request, options, sessions)
    if isinstance(outcome, _Refusal):
        reply = replies.error(outcome.code, outcome.detail)
        return Refuse(replies.finish(reply, request, options), outcome.kind)
    return outcome


@dataclass(frozen=True)
class _Refusal:
    kind: Kind
    code: int
    detail: str = ""


_BAD_TRANSPORT = _Refusal("bad-transport", replies.UNKNOWN_TRANSPORT)
_BAD_VERSION = _Refusal("bad-version", replies.UNSUPPORTED_PROTOCOL_VERSION)
_BAD_SID = _Refusal("bad-sid", replies.UNKNOWN_SID)
_BAD_METHOD = _Refusal("bad-method", replies.BAD_HANDSHAKE_METHOD)
_BAD_JSONP = _Refusal("bad-jsonp-index", replies.BAD_REQUEST, "invalid JSONP index")
_BAD_UPGRADE = _Refusal("bad-upgrade", replies.BAD_REQUEST, "invalid WebSocket upgrade")
_WRONG_TRANSPORT = _Refusal("bad-transport", replies.BAD_REQUEST, "wrong transport")
_NOT_CONNECTED = _Refusal("not-connected", replies.BAD_REQUEST, "not connected yet")
_UNEXPECTED = _Refusal("unexpected-http", replies.BAD_REQUEST, "session uses a WebSocket")
_UPGRADING = _Refusal("bad-upgrade", replies.BAD_REQUEST, "already upgrading")
_NO_UPGRADE = _Refusal("no-websocket", replies.BAD_REQUEST, "upgrades are not allowed")


def _route(
    request: Request, options: Options, sessions: Mapping[str, Session]
) -> _Refusal | Open | Poll | Post | Upgrade | AcceptAndClose:
    query = _parse(request.query)
    transport = query.get("transport")
    # "in" alone would take any server attribute that is a str for a list of letters
    if transport not in ("polling", "websocket") or transport not in options.transports:
        return _BAD_TRANSPORT
    index = query.get("j")
    if index is None:
        jsonp = None
    elif index.isascii() and index.isdigit() and len(index) <= MAX_JSONP_DIGITS:
        jsonp = int(index)
    else:
        return _BAD_JSONP
    sid = query.get("sid")
    if sid is None:
        return _handshake(request, query, transport, jsonp)
    session = sessions.get(sid)
    if session is None:
        return _BAD_SID
    if not session.connected:
        return _NOT_CONNECTED
    if request.websocket:
        return _upgrade(session, transport, options)
    if session.transport != "polling":
        return _UNEXPECTED
    if transport != "polling":
        return _WRONG_TRANSPORT
    if request.method == "GET":
        return Poll(session, jsonp)
    if request.method == "POST":
        return Post(session, jsonp)
    return _BAD_METHOD


def _handshake(
    request: Request, query: dict[str, str], transport: str, jsonp: int | None
) -> _Refusal | Open:
    if query.get("EIO") != PROTOCOL_VERSION:
        return _BAD_VERSION
    if request.method != "GET":
        return _BAD_METHOD
    if request.websocket != (transport == "websocket"):
        return _BAD_UPGRADE
    return Open("websocket" if request.websocket else "polling", jsonp)


def _upgrade(
    session: Session, transport: str, options: Options
) -> _Refusal | Upgrade | AcceptAndClose:
    if transport != "websocket":
        return _WRONG_TRANSPORT
    if session.transport == "websocket":
        return AcceptAndClose()
    if not options.allow_upgrades:
        return _NO_UPGRADE
    if session.upgrading:
        return _UPGRADING
    return Upgrade(session)


def _parse(query: str) -> dict[str, str]:
    """The protocol's own parameters: the first value of each that is not empty.

    A repeated ``EIO`` gets a value that no version has.
    """
    found: dict[str, str] = {}
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if value and name in _PARAMETERS:
            if name not in found:
                found[name] = unquote_plus(value) if "%" in value or "+" in value else value
            elif name == "EIO":
                found[name] = ""
    return found


_PARAMETERS = frozenset(("EIO", "transport", "sid", "j"))
