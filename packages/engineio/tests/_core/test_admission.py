from __future__ import annotations

import json
from typing import Any

import pytest
from engine_support import RecordingChannel
from hypothesis import given
from hypothesis import strategies as st
from request_support import FakeRequest, ServerOptions

from engineio._core.admission import (
    AcceptAndClose,
    Open,
    Poll,
    Post,
    Preflight,
    Refuse,
    Upgrade,
    route,
    screen,
)
from engineio._core.session import CLOSED, CLOSING, OPEN, OPENING, Session


def _session(sid: str, **state: Any) -> Session:
    session = Session(sid, state.pop("transport", "polling"))
    session.state = OPEN
    for name, value in state.items():
        setattr(session, name, value)
    return session


SESSIONS = {
    session.sid: session
    for session in (
        _session("open"),
        _session("new", state=OPENING),
        _session("closing", state=CLOSING),
        _session("closed", state=CLOSED),
        _session("upgrading", candidate=RecordingChannel()),
        _session("ws", transport="websocket"),
        _session("a b+c", state=OPEN),
    )
}

POLLING = "transport=polling"
WEBSOCKET = "transport=websocket"


def _decide(request: FakeRequest, **options: Any) -> Any:
    server_options = ServerOptions(**options)
    refusal = screen(request, server_options)
    return route(request, server_options, SESSIONS) if refusal is None else refusal


def _refusal(request: FakeRequest, **options: Any) -> tuple[str, int]:
    decision = _decide(request, **options)
    assert isinstance(decision, Refuse)
    assert decision.reply.status == 400
    return decision.kind, json.loads(decision.reply.body)["code"]


@pytest.mark.parametrize(
    ("request_", "decision"),
    [
        (FakeRequest(f"EIO=4&{POLLING}"), Open("polling", None)),
        (FakeRequest(f"EIO=4&{POLLING}&t=abc&b64=1&x=%20"), Open("polling", None)),
        (FakeRequest(f"EIO=4&{POLLING}&sid="), Open("polling", None)),
        (FakeRequest(f"EIO=4&{POLLING}&j=12"), Open("polling", 12)),
        (FakeRequest(f"EIO=4&{WEBSOCKET}", websocket=True), Open("websocket", None)),
        (FakeRequest("EIO=%34&transport=pollin%67"), Open("polling", None)),
        (FakeRequest(f"{POLLING}&sid=open"), Poll(SESSIONS["open"], None)),
        (FakeRequest(f"{POLLING}&sid=open&j=0"), Poll(SESSIONS["open"], 0)),
        (FakeRequest(f"{POLLING}&sid=open&EIO=3"), Poll(SESSIONS["open"], None)),
        (FakeRequest(f"{POLLING}&sid=open&sid=other"), Poll(SESSIONS["open"], None)),
        (FakeRequest(f"{POLLING}&sid=&sid=open"), Poll(SESSIONS["open"], None)),
        (FakeRequest(f"{POLLING}&sid=a+b%2Bc"), Poll(SESSIONS["a b+c"], None)),
        (FakeRequest(f"{POLLING}&sid=upgrading"), Poll(SESSIONS["upgrading"], None)),
        (FakeRequest(f"{POLLING}&sid=closing"), Poll(SESSIONS["closing"], None)),
        (FakeRequest(f"{POLLING}&sid=open", "POST"), Post(SESSIONS["open"], None)),
        (FakeRequest(f"{POLLING}&sid=open&j=1", "POST"), Post(SESSIONS["open"], 1)),
        (FakeRequest(f"{WEBSOCKET}&sid=open", websocket=True), Upgrade(SESSIONS["open"])),
        (FakeRequest(f"{WEBSOCKET}&sid=ws", websocket=True), AcceptAndClose()),
    ],
    ids=lambda value: value.query if isinstance(value, FakeRequest) else type(value).__name__,
)
def test_a_good_request_is_admitted(request_: FakeRequest, decision: Any) -> None:
    assert _decide(request_) == decision


@pytest.mark.parametrize(
    ("request_", "kind", "code"),
    [
        # transport
        (FakeRequest(""), "bad-transport", 0),
        (FakeRequest("EIO=4"), "bad-transport", 0),
        (FakeRequest("EIO=4&transport="), "bad-transport", 0),
        (FakeRequest("EIO=4&transport=tls"), "bad-transport", 0),
        (FakeRequest("EIO=4&transport=POLLING"), "bad-transport", 0),
        (FakeRequest("sid=open"), "bad-transport", 0),
        (FakeRequest("EIO=4&transport=tls&transport=polling"), "bad-transport", 0),
        # JSONP index
        *(
            (FakeRequest(f"EIO=4&{POLLING}&j={index}"), "bad-jsonp-index", 3)
            for index in ("a", "-1", "+1", "1.0", "1_0", "%20", "%D9%A4", "12345678901")
        ),
        # handshake
        (FakeRequest(POLLING), "bad-version", 5),
        (FakeRequest(f"EIO=&{POLLING}"), "bad-version", 5),
        (FakeRequest(f"EIO=3&{POLLING}"), "bad-version", 5),
        (FakeRequest(f"EIO=04&{POLLING}"), "bad-version", 5),
        (FakeRequest(f"EIO=4&EIO=4&{POLLING}"), "bad-version", 5),
        (FakeRequest(f"EIO=4&EIO=3&EIO=4&{POLLING}"), "bad-version", 5),
        (FakeRequest(POLLING, "PUT"), "bad-version", 5),
        (FakeRequest(f"EIO=4&{POLLING}", "POST"), "bad-method", 2),
        (FakeRequest(f"EIO=4&{POLLING}", "PUT"), "bad-method", 2),
        (FakeRequest(f"EIO=4&{POLLING}", "HEAD"), "bad-method", 2),
        (FakeRequest(f"EIO=4&{WEBSOCKET}"), "bad-upgrade", 3),
        (FakeRequest(f"EIO=4&{POLLING}", websocket=True), "bad-upgrade", 3),
        # a session that is not there
        (FakeRequest(f"EIO=4&{POLLING}&sid=other"), "bad-sid", 1),
        (FakeRequest(f"{POLLING}&sid=other", "POST"), "bad-sid", 1),
        (FakeRequest(f"{POLLING}&sid=other", "PUT"), "bad-sid", 1),
        (FakeRequest(f"{WEBSOCKET}&sid=other", websocket=True), "bad-sid", 1),
        (FakeRequest(f"{POLLING}&sid=%FF"), "bad-sid", 1),
        # a session that cannot be used
        (FakeRequest(f"{POLLING}&sid=new"), "not-connected", 3),
        (FakeRequest(f"{POLLING}&sid=new", "POST"), "not-connected", 3),
        (FakeRequest(f"{WEBSOCKET}&sid=new", websocket=True), "not-connected", 3),
        (FakeRequest(f"{POLLING}&sid=closed"), "not-connected", 3),
        # a session with another transport
        (FakeRequest(f"{POLLING}&sid=ws"), "unexpected-http", 3),
        (FakeRequest(f"{POLLING}&sid=ws", "POST"), "unexpected-http", 3),
        (FakeRequest(f"{WEBSOCKET}&sid=ws"), "unexpected-http", 3),
        (FakeRequest(f"{WEBSOCKET}&sid=open"), "bad-transport", 3),
        (FakeRequest(f"{WEBSOCKET}&sid=open", "POST"), "bad-transport", 3),
        (FakeRequest(f"{POLLING}&sid=open", websocket=True), "bad-transport", 3),
        (FakeRequest(f"{POLLING}&sid=ws", websocket=True), "bad-transport", 3),
        # the rest
        (FakeRequest(f"{POLLING}&sid=open", "PUT"), "bad-method", 2),
        (FakeRequest(f"{POLLING}&sid=open", "HEAD"), "bad-method", 2),
        (FakeRequest(f"{WEBSOCKET}&sid=upgrading", websocket=True), "bad-upgrade", 3),
    ],
    ids=lambda value: f"{value.method} {value.query}" if isinstance(value, FakeRequest) else None,
)
def test_a_bad_request_is_refused(request_: FakeRequest, kind: str, code: int) -> None:
    assert _refusal(request_) == (kind, code)


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        ({"allow_upgrades": False}, "no-websocket", 3),
        ({"transports": ["polling"]}, "bad-transport", 0),
    ],
)
def test_an_upgrade_that_was_not_offered_is_refused(
    options: dict[str, Any], kind: str, code: int
) -> None:
    request = FakeRequest(f"{WEBSOCKET}&sid=open", websocket=True)

    assert _refusal(request, **options) == (kind, code)


def test_options_that_allow_no_upgrades_do_not_concern_direct_connections() -> None:
    request = FakeRequest(f"EIO=4&{WEBSOCKET}", websocket=True)

    assert _decide(request, allow_upgrades=False) == Open("websocket", None)


def test_polling_can_be_off() -> None:
    assert _refusal(FakeRequest(), transports=["websocket"]) == ("bad-transport", 0)


@pytest.mark.parametrize("query", ["", "transport=tls", f"EIO=4&{POLLING}", f"{POLLING}&sid=other"])
def test_a_preflight_needs_no_valid_query(query: str) -> None:
    request = FakeRequest(query, "OPTIONS", headers={"origin": "http://a.org"})

    decision = _decide(request, cors_allowed_origins="*")

    assert isinstance(decision, Preflight)
    assert (decision.reply.status, decision.reply.body) == (200, b"OK")
    assert ("Access-Control-Allow-Origin", "http://a.org") in decision.reply.headers
    assert ("Access-Control-Allow-Methods", "OPTIONS, GET, POST") in decision.reply.headers


@pytest.mark.parametrize(
    "request_",
    [
        FakeRequest(),
        FakeRequest("", "OPTIONS"),
        FakeRequest(f"{POLLING}&sid=open", "POST"),
        FakeRequest(f"EIO=4&{WEBSOCKET}", websocket=True),
    ],
    ids=["handshake", "preflight", "post", "websocket"],
)
def test_a_forged_origin_is_refused_before_everything_else(request_: FakeRequest) -> None:
    request = FakeRequest(
        request_.query,
        request_.method,
        request_.websocket,
        {"origin": "http://evil.org", "host": "a.org"},
    )

    decision = _decide(request)

    assert isinstance(decision, Refuse)
    assert (decision.kind, decision.reply.status) == ("bad-origin", 400)
    assert json.loads(decision.reply.body)["code"] == 4
    assert decision.reply.headers == [("Content-Type", "application/json"), ("Vary", "Origin")]


def test_an_allowed_page_may_read_why_it_was_refused() -> None:
    request = FakeRequest("", headers={"origin": "http://a.org"})

    decision = _decide(request, cors_allowed_origins="http://a.org")

    assert isinstance(decision, Refuse)
    assert ("Access-Control-Allow-Origin", "http://a.org") in decision.reply.headers


@given(
    st.text("=&%+;?#/\x00\n<>EIO4jsidtransportpolling\u00e4\ud800")
    | st.lists(
        st.tuples(
            st.sampled_from(["EIO", "transport", "sid", "j", "t"]),
            st.sampled_from(["4", "polling", "websocket", "open", "ws", "%", "%zz", "+", ""]),
        )
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
    st.sampled_from(["GET", "POST", "OPTIONS", "PUT", "BREW"]),
    st.booleans(),
)
def test_any_query_is_decided(query: str, method: str, websocket: bool) -> None:
    decision = _decide(FakeRequest(query, method, websocket))

    if isinstance(decision, Refuse):
        assert decision.reply.status == 400


@pytest.mark.parametrize("name", ["EIO", "transport", "sid", "j"])
def test_what_the_client_sent_is_not_repeated(name: str) -> None:
    parameters = {"EIO": "4", "transport": "polling"} | {name: "<script>marker</script>"}
    query = "&".join(f"{key}={value}" for key, value in parameters.items())

    decision = _decide(FakeRequest(query))

    assert isinstance(decision, Refuse)
    assert b"marker" not in decision.reply.body
    assert "marker" not in str(decision.reply.headers)
