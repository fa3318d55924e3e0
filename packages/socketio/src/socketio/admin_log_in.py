"""Who has logged in to the Admin UI, and who has tried in vain."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from typing import Any

MAX_SESSIONS = 1_000
"""Log-ins that are remembered, for pages that are loaded again; the oldest is forgotten first."""

MAX_FAILURES = 10
"""Failed log-ins from one address within ``FAILURE_WINDOW``; further ones are refused unread."""

FAILURE_WINDOW = 60.0
"""Seconds after which failed log-ins are forgotten."""


class LogIns:
    """Remembers log-ins and failures, a bounded number of each."""

    def __init__(self) -> None:
        self._sessions: dict[str, None] = {}
        self._new: dict[str, str] = {}
        """Admins that have not been told their session yet."""
        self._failures: dict[str, tuple[int, float]] = {}

    def remembers(self, client_auth: Any) -> bool:
        """Whether this is the page of an admin who has logged in before."""
        session = client_auth.get("sessionId") if isinstance(client_auth, dict) else None
        return isinstance(session, str) and session in self._sessions

    def succeeded(self, sid: str) -> None:
        """Remember an admin, and what its page logs in with when it is loaded again."""
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_hex(16)
        self._sessions[session] = None
        self._new[sid] = session

    def take_session(self, sid: str) -> str | None:
        """Return, once, the session of an admin who has given credentials."""
        return self._new.pop(sid, None)

    def failed(self, address: str) -> None:
        """Take note of wrong credentials."""
        while len(self._failures) >= MAX_SESSIONS:
            del self._failures[next(iter(self._failures))]
        count, since = self._failures.get(address, (0, time.monotonic()))
        self._failures[address] = (count + 1, since)

    def is_blocked(self, address: str) -> bool:
        """Whether an address has to wait until it may try again."""
        count, since = self._failures.get(address, (0, 0.0))
        if count and time.monotonic() - since > FAILURE_WINDOW:
            del self._failures[address]
            return False
        return count >= MAX_FAILURES


def is_right(client_auth: Any, auth: Any) -> bool:
    """Whether these are the credentials, or among a list of them."""
    accepted = auth if isinstance(auth, list) else [auth]
    # all are compared, and each in constant time
    return any([_same(client_auth, credentials) for credentials in accepted])


def _same(client_auth: Any, credentials: Any) -> bool:
    try:
        theirs, ours = (
            json.dumps(value, sort_keys=True).encode() for value in (client_auth, credentials)
        )
    except (TypeError, ValueError):
        return False
    return hmac.compare_digest(theirs, ours)
