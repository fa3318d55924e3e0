from __future__ import annotations

from typing import Any

import pytest

from socketio._core.client_state import ClientState

STATES = ("unknown", "pending", "connected", "leaving", "refused", "gone")


def state_of(*namespaces: str) -> ClientState:
    state = ClientState()
    state.begin(namespaces)
    return state


def in_state(name: str) -> ClientState:
    """Return a connection on which ``/a`` is in this state."""
    state = state_of("/other") if name == "unknown" else state_of("/a")
    if name in ("connected", "leaving", "gone"):
        state.accept("/a", "sid")
    if name in ("leaving", "gone"):
        state.leave("/a")
    if name == "refused":
        state.refuse("/a")
    if name == "gone":
        state.remove("/a")
    return state


@pytest.mark.parametrize("name", STATES)
def test_only_a_pending_namespace_can_be_accepted(name: str) -> None:
    state = in_state(name)
    before = dict(state.connected)

    accepted = state.accept("/a", "new")

    assert accepted is (name == "pending")
    assert state.connected == ({"/a": "new"} if accepted else before)


@pytest.mark.parametrize("name", STATES)
def test_only_a_pending_namespace_can_be_refused(name: str) -> None:
    state = in_state(name)
    before = list(state.failed)

    refused = state.refuse("/a")

    assert refused is (name == "pending")
    assert state.failed == (["/a"] if refused else before)


@pytest.mark.parametrize("name", STATES)
def test_only_a_connected_namespace_can_be_left(name: str) -> None:
    state = in_state(name)

    assert state.leave("/a") is (name == "connected")
    assert state.leave("/a") is False


@pytest.mark.parametrize("name", STATES)
def test_a_drop_leaves_what_is_connected_and_not_leaving(name: str) -> None:
    state = in_state(name)

    assert state.leave_all() == (["/a"] if name == "connected" else [])
    assert state.leave_all() == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unknown", {"pending": ["/other"], "complete": False, "in_use": True}),
        ("pending", {"pending": ["/a"], "complete": False, "in_use": True}),
        ("connected", {"pending": [], "complete": True, "in_use": True}),
        ("leaving", {"pending": [], "complete": True, "in_use": False}),
        ("refused", {"pending": [], "complete": False, "in_use": False}),
        ("gone", {"pending": [], "complete": False, "in_use": False}),
    ],
)
def test_what_a_state_means(name: str, expected: dict[str, Any]) -> None:
    state = in_state(name)

    assert {what: getattr(state, what) for what in expected} == expected


def test_namespaces_are_answered_in_any_order() -> None:
    state = state_of("/a", "/b", "/c")

    state.accept("/c", "3")
    state.accept("/a", "1")

    assert state.pending == ["/b"]
    assert state.connected == {"/c": "3", "/a": "1"}
    assert not state.complete


def test_the_failure_names_the_refused_namespaces() -> None:
    state = state_of("/a", "/b", "/c")
    state.refuse("/a")
    state.accept("/b", "sid")
    state.refuse("/c")

    assert state.failure == "One or more namespaces failed to connect: /a, /c"


def test_without_a_refusal_the_failure_is_unexpected() -> None:
    assert state_of("/a").failure == "Unexpected connection error"


def test_a_refusal_leaves_the_other_namespaces_connected() -> None:
    state = state_of("/", "/a")
    state.accept("/a", "sid")

    state.refuse("/")

    assert state.connected == {"/a": "sid"}
    assert state.in_use


def test_a_connection_is_in_use_until_the_last_namespace_is_leaving() -> None:
    state = state_of("/a", "/b")
    state.accept("/a", "1")
    state.accept("/b", "2")

    state.leave("/a")
    assert state.in_use
    state.remove("/a")
    assert state.in_use
    state.leave("/b")

    assert not state.in_use


def test_removing_an_unknown_namespace_changes_nothing() -> None:
    state = in_state("connected")

    state.remove("/unknown")

    assert state.connected == {"/a": "sid"}


@pytest.mark.parametrize("name", STATES)
def test_the_end_of_the_connection_clears_everything_but_the_request(name: str) -> None:
    state = in_state(name)
    requested, failed = list(state.requested), list(state.failed)

    state.clear()

    assert (state.pending, state.connected, state.in_use) == ([], {}, False)
    assert state.leave_all() == []
    assert (state.requested, state.failed) == (requested, failed)


@pytest.mark.parametrize("name", STATES)
def test_a_new_connection_knows_nothing_of_the_one_before(name: str) -> None:
    state = in_state(name)
    connected = state.connected

    state.begin(["/a"])

    assert (state.requested, state.pending, state.failed) == (["/a"], ["/a"], [])
    assert state.connected is connected
    assert connected == {}
    assert state.accept("/a", "sid")
    assert state.leave("/a")


def test_a_namespace_that_is_asked_for_twice_is_answered_once() -> None:
    state = state_of("/a", "/a")

    assert state.accept("/a", "sid")
    assert not state.accept("/a", "other")

    assert state.complete


def test_a_connection_without_namespaces_is_complete() -> None:
    assert state_of().complete
    assert not state_of().in_use
