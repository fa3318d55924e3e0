from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from socketio._core.registry import Registry

STATES = ("unknown", "pending", "connected", "leaving", "gone")


def registry_with(*sids: str) -> Registry:
    """Return a registry with these clients, connected to ``/``."""
    registry = Registry()
    for sid in sids:
        registry.pre_connect(sid, f"eio-{sid}", "/")
        registry.connect(sid, "/")
    return registry


def in_state(name: str) -> Registry:
    """Return a registry in which the client ``a`` is in this state."""
    registry = Registry()
    if name != "unknown":
        registry.pre_connect("a", "eio-a", "/")
    if name in ("connected", "leaving", "gone"):
        registry.connect("a", "/")
    if name in ("leaving", "gone"):
        registry.pre_disconnect("a", "/")
    if name == "gone":
        registry.disconnect("a", "/")
    return registry


def is_empty(registry: Registry) -> bool:
    return not any(vars(registry).values())


# clients


@pytest.mark.parametrize(
    ("name", "known", "pending", "connected"),
    [
        ("unknown", False, False, False),
        ("pending", True, True, False),
        ("connected", True, False, True),
        ("leaving", True, False, False),
        ("gone", False, False, False),
    ],
)
def test_what_a_state_means(name: str, known: bool, pending: bool, connected: bool) -> None:
    registry = in_state(name)

    assert registry.is_pending("a", "/") is pending
    assert registry.is_connected("a", "/") is connected
    assert registry.is_sid("a", "/") is known
    assert registry.eio_sid("a", "/") == ("eio-a" if known else None)
    assert registry.sid("eio-a", "/") == ("a" if known else None)
    assert registry.members("/", "a") == ({"a": "eio-a"} if known else {})
    assert registry.namespaces() == (["/"] if known else [])
    assert registry.rooms_of("a", "/") == (["a"] if known else [])


@pytest.mark.parametrize("name", STATES)
def test_a_connection_is_in_a_namespace_once(name: str) -> None:
    registry = in_state(name)

    assert registry.pre_connect("b", "eio-a", "/") is (name in ("unknown", "gone"))


@pytest.mark.parametrize("name", STATES)
def test_only_a_pending_client_becomes_connected(name: str) -> None:
    registry = in_state(name)

    assert registry.connect("a", "/") is (name == "pending")


@pytest.mark.parametrize("name", STATES)
def test_a_known_client_can_begin_to_leave(name: str) -> None:
    registry = in_state(name)
    known = name not in ("unknown", "gone")

    assert registry.pre_disconnect("a", "/") == ("eio-a" if known else None)

    assert registry.pending_disconnect == ({"/": {"a": "eio-a"}} if known else {})
    assert not registry.is_connected("a", "/")


@pytest.mark.parametrize("name", STATES)
def test_nothing_remains_of_a_disconnected_client(name: str) -> None:
    registry = in_state(name)
    if name not in ("unknown", "gone"):
        registry.enter("a", "/", "room")

    registry.disconnect("a", "/")

    assert is_empty(registry)


def test_a_connection_has_a_sid_in_each_namespace() -> None:
    registry = Registry()
    registry.pre_connect("a", "eio", "/")
    registry.pre_connect("b", "eio", "/chat")

    assert (registry.sid("eio", "/"), registry.sid("eio", "/chat")) == ("a", "b")
    assert registry.eio_sid("a", "/chat") is None
    registry.disconnect("a", "/")

    assert registry.eio_to_sid == {"eio": {"/chat": "b"}}
    assert registry.namespaces() == ["/chat"]


def test_the_tables_have_the_shape_that_applications_read() -> None:
    registry = registry_with("a", "b")
    registry.enter("a", "/", "room")
    registry.pre_connect("c", "eio-c", "/chat")

    assert registry.rooms == {
        "/": {
            None: {"a": "eio-a", "b": "eio-b"},
            "a": {"a": "eio-a"},
            "b": {"b": "eio-b"},
            "room": {"a": "eio-a"},
        },
        "/chat": {"c": {"c": "eio-c"}},
    }
    assert registry.pending_connect == {"/chat": {"c": "eio-c"}}


# rooms


def test_a_pending_client_receives_what_is_sent_to_rooms_once_it_is_connected() -> None:
    registry = in_state("pending")

    registry.enter("a", "/", "room")
    assert registry.members("/", "room") == registry.members("/", None) == {}
    assert registry.rooms_of("a", "/") == ["a", "room"]
    registry.connect("a", "/")

    assert registry.members("/", "room") == registry.members("/", None) == {"a": "eio-a"}


def test_a_pending_client_waits_for_what_is_sent_to_its_rooms() -> None:
    registry = registry_with("b")
    registry.pre_connect("a", "eio-a", "/")
    registry.enter("a", "/", "room")
    registry.enter("b", "/", "room")
    waiting = {"a": "eio-a"}

    assert registry.waiting("/", "room") == registry.waiting("/", None) == waiting
    assert registry.waiting("/", ["other", "room"]) == waiting
    assert registry.waiting("/", ["room", "a"]) == registry.waiting("/", "a") == {}
    assert registry.waiting("/", "other") == registry.waiting("/unknown", "room") == {}

    registry.connect("a", "/")
    assert registry.waiting("/", "room") == registry.waiting("/", None) == {}


def test_a_pending_client_can_leave_a_room_again() -> None:
    registry = in_state("pending")
    registry.enter("a", "/", "room")

    registry.leave("a", "/", "room")
    registry.connect("a", "/")

    assert registry.members("/", "room") == {}


@pytest.mark.parametrize("name", ["unknown", "gone"])
def test_an_unknown_client_cannot_enter_a_room(name: str) -> None:
    registry = in_state(name)

    with pytest.raises(KeyError):
        registry.enter("a", "/", "room")

    assert is_empty(registry)


@pytest.mark.parametrize("room", ["unknown", "b"])
@pytest.mark.parametrize("namespace", ["/", "/unknown"])
def test_leaving_where_one_is_not_changes_nothing(namespace: str, room: str) -> None:
    registry = registry_with("a", "b")

    registry.leave("a", namespace, room)

    assert registry.rooms_of("a", "/") == ["a"]
    assert registry.members("/", "b") == {"b": "eio-b"}


def test_a_room_vanishes_with_its_last_member() -> None:
    registry = registry_with("a", "b")
    registry.enter("a", "/", "room")
    registry.enter("b", "/", "room")

    registry.leave("a", "/", "room")
    assert registry.members("/", "room") == {"b": "eio-b"}
    registry.leave("b", "/", "room")

    assert "room" not in registry.rooms["/"]


def test_closing_a_room_takes_pending_clients_out_too() -> None:
    registry = registry_with("a", "b")
    registry.pre_connect("c", "eio-c", "/")
    for sid in ("a", "c"):
        registry.enter(sid, "/", "room")
        registry.enter(sid, "/", "other")

    registry.close_room("room", "/")
    registry.connect("c", "/")

    assert registry.members("/", "room") == {}
    assert registry.members("/", "other") == {"a": "eio-a", "c": "eio-c"}
    assert registry.rooms_of("a", "/") == ["a", "other"]


@pytest.mark.parametrize(("room", "namespace"), [("unknown", "/"), ("room", "/unknown")])
def test_closing_an_unknown_room_changes_nothing(room: str, namespace: str) -> None:
    registry = registry_with("a")
    registry.enter("a", "/", "room")

    registry.close_room(room, namespace)

    assert registry.rooms_of("a", "/") == ["a", "room"]


@pytest.mark.parametrize("several", [list, tuple, set, frozenset])
def test_several_rooms_have_each_member_once(several: Any) -> None:
    registry = registry_with("a", "b", "c")
    for sid, room in (("a", "one"), ("b", "one"), ("b", "two")):
        registry.enter(sid, "/", room)

    assert registry.members("/", several(["one", "two", "unknown"])) == {
        "a": "eio-a",
        "b": "eio-b",
    }
    assert registry.members("/", several(["two", "c"])) == {"b": "eio-b", "c": "eio-c"}
    assert registry.members("/", several([])) == {}
    assert registry.members("/unknown", several(["one"])) == {}


def test_a_client_that_left_its_own_room_is_reached_by_the_others() -> None:
    registry = registry_with("a")

    registry.leave("a", "/", "a")

    assert registry.members("/", "a") == {}
    assert registry.members("/", None) == {"a": "eio-a"}
    assert registry.rooms_of("a", "/") == []
    registry.enter("a", "/", "a")
    assert registry.rooms_of("a", "/") == ["a"]


def test_a_pending_client_that_left_its_own_room_outlives_the_others() -> None:
    registry = registry_with("a")
    registry.pre_connect("b", "eio-b", "/")
    registry.leave("b", "/", "b")

    registry.disconnect("a", "/")

    assert registry.namespaces() == ["/"]
    assert registry.connect("b", "/")
    assert registry.members("/", None) == {"b": "eio-b"}


def test_the_room_of_everybody_cannot_be_left_or_closed() -> None:
    registry = registry_with("a")

    registry.enter("a", "/", None)
    registry.leave("a", "/", None)
    registry.close_room(None, "/")

    assert registry.members("/", None) == {"a": "eio-a"}
    assert registry.rooms_of("a", "/") == ["a"]
    with pytest.raises(KeyError):
        registry.enter("unknown", "/", None)


@pytest.mark.parametrize("others", [0, 50])
def test_a_disconnect_looks_at_the_rooms_of_that_client_only(others: int) -> None:
    looked_at: set[str | None] = set()

    class RecordingRooms(dict[str | None, dict[str, str]]):
        def get(self, key: Any, default: Any = None) -> Any:
            looked_at.add(key)
            return super().get(key, default)

    registry = registry_with("a", *(f"other-{number}" for number in range(others)))
    registry.enter("a", "/", "room")
    registry.rooms["/"] = RecordingRooms(registry.rooms["/"])

    registry.disconnect("a", "/")

    assert looked_at == {None, "a", "room"}


def test_one_room_is_not_copied() -> None:
    registry = registry_with("a")

    assert registry.members("/", None) is registry.rooms["/"][None]
    assert registry.members("/", "a") is registry.rooms["/"]["a"]


@dataclass
class Client:
    eio_sid: str
    namespace: str
    pending: bool = True
    leaving: bool = False
    in_own_room: bool = True
    rooms: dict[str, None] = field(default_factory=dict)


EIO_SIDS = ("eio-0", "eio-1")
NAMESPACES = ("/", "/chat")
ROOMS = ("red", "green")
# connection and namespace of each sid: the last ones are where others may be already
PLACES = {f"sid-{n}": (EIO_SIDS[n // 2 % 2], NAMESPACES[n % 2]) for n in range(6)}

sids = st.sampled_from(sorted(PLACES))


class Tables(RuleBasedStateMachine):
    """The registry agrees with one flat list of clients."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.clients: dict[str, Client] = {}

    def of(self, namespace: str) -> dict[str, Client]:
        return {sid: one for sid, one in self.clients.items() if one.namespace == namespace}

    def expected(self, namespace: str, room: str | None) -> dict[str, str]:
        return {
            sid: one.eio_sid
            for sid, one in self.of(namespace).items()
            if (sid == room and one.in_own_room)
            or (not one.pending and (room is None or room in one.rooms))
        }

    @rule(sid=sids)
    def pre_connect(self, sid: str) -> None:
        eio_sid, namespace = PLACES[sid]
        is_free = all(one.eio_sid != eio_sid for one in self.of(namespace).values())

        assert self.registry.pre_connect(sid, eio_sid, namespace) is is_free

        if is_free:
            self.clients[sid] = Client(eio_sid, namespace)

    @rule(sid=sids)
    def connect(self, sid: str) -> None:
        one = self.clients.get(sid)

        assert self.registry.connect(sid, PLACES[sid][1]) is (one is not None and one.pending)

        if one is not None:
            one.pending = False

    @rule(sid=sids, room=st.sampled_from((*ROOMS, "own")))
    def enter(self, sid: str, room: str) -> None:
        one = self.clients.get(sid)
        namespace = PLACES[sid][1]
        if one is None:
            with pytest.raises(KeyError):
                self.registry.enter(sid, namespace, room)
        elif room == "own":
            self.registry.enter(sid, namespace, sid)
            one.in_own_room = True
        else:
            self.registry.enter(sid, namespace, room)
            one.rooms[room] = None

    @rule(sid=sids, room=st.one_of(sids, st.sampled_from((*ROOMS, "unknown", None))))
    def leave(self, sid: str, room: str | None) -> None:
        self.registry.leave(sid, PLACES[sid][1], room)

        one = self.clients.get(sid)
        if one is not None and room is not None:
            one.rooms.pop(room, None)
            one.in_own_room &= room != sid

    @rule(namespace=st.sampled_from(NAMESPACES), room=st.sampled_from((*ROOMS, "unknown")))
    def close_room(self, namespace: str, room: str) -> None:
        self.registry.close_room(room, namespace)

        for one in self.of(namespace).values():
            one.rooms.pop(room, None)

    @rule(sid=sids)
    def pre_disconnect(self, sid: str) -> None:
        one = self.clients.get(sid)

        eio_sid = self.registry.pre_disconnect(sid, PLACES[sid][1])

        assert eio_sid == (None if one is None else one.eio_sid)
        if one is not None:
            one.leaving = True

    @rule(sid=sids)
    def disconnect(self, sid: str) -> None:
        self.registry.disconnect(sid, PLACES[sid][1])

        self.clients.pop(sid, None)

    @invariant()
    def every_client_is_where_it_should_be(self) -> None:
        for sid, (_, namespace) in PLACES.items():
            one = self.clients.get(sid)
            known = one is not None
            own = [sid] if one is not None and one.in_own_room else []
            assert self.registry.is_sid(sid, namespace) is known
            assert self.registry.is_pending(sid, namespace) is (known and one.pending)
            assert self.registry.is_connected(sid, namespace) is (
                known and not one.pending and not one.leaving
            )
            assert self.registry.rooms_of(sid, namespace) == own + list(one.rooms if one else ())
            assert self.registry.members(namespace, sid) == self.expected(namespace, sid)

    @invariant()
    def every_room_has_its_members(self) -> None:
        for namespace in NAMESPACES:
            several: dict[str, str] = {}
            for room in ROOMS:
                several |= self.expected(namespace, room)
                assert self.registry.members(namespace, room) == self.expected(namespace, room)
            assert self.registry.members(namespace, ROOMS) == several
            assert self.registry.members(namespace, None) == self.expected(namespace, None)

    @invariant()
    def every_pending_client_waits(self) -> None:
        for namespace in NAMESPACES:
            pending = {sid: one for sid, one in self.of(namespace).items() if one.pending}
            for room in ROOMS:
                assert self.registry.waiting(namespace, room) == {
                    sid: one.eio_sid for sid, one in pending.items() if room in one.rooms
                }
            assert self.registry.waiting(namespace, None).keys() == pending.keys()

    @invariant()
    def nothing_is_kept_that_is_empty(self) -> None:
        assert set(self.registry.namespaces()) == {c.namespace for c in self.clients.values()}
        assert all(members for rooms in self.registry.rooms.values() for members in rooms.values())
        assert all(self.registry.eio_to_sid.values())
        if not self.clients:
            assert is_empty(self.registry)

    @invariant()
    def every_connection_knows_its_sids(self) -> None:
        expected: dict[str, dict[str, str]] = {}
        for sid, one in self.clients.items():
            expected.setdefault(one.eio_sid, {})[one.namespace] = sid
        assert self.registry.eio_to_sid == expected
        for eio_sid in EIO_SIDS:
            for namespace in NAMESPACES:
                sid = expected.get(eio_sid, {}).get(namespace)
                assert self.registry.sid(eio_sid, namespace) == sid

    def teardown(self) -> None:
        for sid in list(self.clients):
            self.disconnect(sid)
        assert is_empty(self.registry)


TestTables = Tables.TestCase
TestTables.settings = settings(max_examples=60, stateful_step_count=30)


def test_rooms_that_take_the_place_of_all_others() -> None:
    registry = registry_with("a", "b")
    registry.enter("a", "/", "room")
    registry.pre_connect("pending", "eio-pending", "/")
    registry.enter("pending", "/", "room")
    registry.pre_disconnect("b", "/")

    registry.replace({"/": {None: {"c": "eio-c"}, "c": {"c": "eio-c"}, "other": {"c": "eio-c"}}})

    assert registry.is_connected("c", "/")
    assert registry.rooms_of("c", "/") == ["c", "other"]
    assert registry.eio_to_sid == {"eio-c": {"/": "c"}}
    assert registry.pending_connect == registry.pending_disconnect == {}
    assert registry.waiting("/", "room") == {}
    registry.disconnect("c", "/")
    assert registry.rooms == registry.eio_to_sid == {}
    registry.replace({})
    assert registry.namespaces() == []
