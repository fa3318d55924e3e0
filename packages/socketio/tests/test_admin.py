"""What admins are told and may do; the page itself is tested in a browser."""

from __future__ import annotations

import json
import time
from collections import deque
from queue import Empty
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from threads_support import SOON, Client, make_server

from socketio import admin_log_in, base_admin
from socketio.admin import EventBuffer, InstrumentedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import socketio
    from engineio._shell.receiver import Receiver

CREDENTIALS = {"username": "admin", "password": "secret"}


class Admin(Client):
    """An admin's page."""

    def log_in(self, auth: Any = CREDENTIALS) -> dict[str, Any]:
        """Log in; what the answer says."""
        self.send("0/admin," + json.dumps(auth))
        packet = str(self.next())
        return {"type": packet[0], **json.loads(packet.partition(",")[2])}

    def report(self, event: str) -> list[Any]:
        """Wait for a report; those before it are passed over."""
        while True:
            packet = str(self.next())
            name, *args = json.loads(packet.partition(",")[2])
            if name == event:
                return list(args)

    def order(self, *command: Any) -> None:
        self.send("2/admin," + json.dumps(command))


@pytest.fixture
def sio() -> socketio.Server:
    return make_server()


_instrumented: list[InstrumentedServer] = []


@pytest.fixture(autouse=True)
def no_reports_afterwards() -> Iterator[None]:
    yield
    while _instrumented:
        instrumented = _instrumented.pop()
        instrumented.shutdown()
        assert instrumented.stats_task is None


def instrument(sio: socketio.Server, **options: Any) -> InstrumentedServer:
    options = {"auth": CREDENTIALS, "server_stats_interval": 0.05, **options}
    _instrumented.append(sio.instrument(**options))
    return _instrumented[-1]


@pytest.mark.parametrize("auth", [None, {}, [], "", 0])
def test_nothing_empty_protects_the_admins_namespace(sio: socketio.Server, auth: Any) -> None:
    with pytest.raises(ValueError, match="auth"):
        sio.instrument(auth=auth)


def test_there_are_two_modes(sio: socketio.Server) -> None:
    with pytest.raises(ValueError, match="mode"):
        sio.instrument(auth=False, mode="debug")


@pytest.mark.parametrize(
    ("auth", "client_auth"),
    [
        (False, None),
        (CREDENTIALS, CREDENTIALS),
        ([{"token": 1}, CREDENTIALS], CREDENTIALS),
        (lambda given: given["token"] == 1, {"token": 1}),
    ],
)
def test_who_knows_the_credentials_gets_in(
    sio: socketio.Server, auth: Any, client_auth: Any
) -> None:
    instrument(sio, auth=auth)

    assert Admin(sio).log_in(client_auth)["type"] == "0"


@pytest.mark.parametrize(
    ("auth", "client_auth"),
    [
        (CREDENTIALS, {"username": "admin", "password": "wrong"}),
        (CREDENTIALS, {}),
        (CREDENTIALS, {"sessionId": None}),
        (CREDENTIALS, {"sessionId": "made up"}),
        (CREDENTIALS, {"sessionId": ["made up"]}),
        ([{"token": 1}], {"token": 2}),
        (lambda given: False, {"token": 1}),
    ],
)
def test_nobody_else_gets_in_or_is_told_anything(
    sio: socketio.Server, auth: Any, client_auth: Any
) -> None:
    instrument(sio, auth=auth)
    admin = Admin(sio)
    Client(sio, "other").join()

    answer = admin.log_in(client_auth)

    assert answer == {"type": "4", "message": "invalid credentials"}
    with pytest.raises(Empty):
        admin.packets.get(timeout=0.2)


def test_after_many_failures_no_password_is_read_for_a_while(
    sio: socketio.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_log_in, "MAX_FAILURES", 2)
    instrument(sio)
    remembered = Admin(sio, "remembered")
    remembered.log_in()
    [session] = remembered.report("session")
    for number in range(2):
        Admin(sio, f"bad{number}").log_in({})

    blocked = Admin(sio, "good").log_in()
    page = Admin(sio, "page").log_in({"sessionId": session})
    guess = Admin(sio, "guess").log_in({"sessionId": "guess"})
    monkeypatch.setattr(admin_log_in, "FAILURE_WINDOW", 0)
    later = Admin(sio, "later").log_in()

    assert "too many" in blocked["message"]
    assert page["type"] == "0"
    assert "too many" in guess["message"]
    assert later["type"] == "0"


def test_a_page_that_is_loaded_again_logs_in_with_its_session(sio: socketio.Server) -> None:
    instrument(sio)
    admin = Admin(sio)
    admin.log_in()
    [session] = admin.report("session")

    assert Admin(sio, "again").log_in({"sessionId": session})["type"] == "0"


def test_log_ins_that_are_remembered_are_limited(
    sio: socketio.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_log_in, "MAX_SESSIONS", 1)
    instrument(sio)
    first, second = Admin(sio, "first"), Admin(sio, "second")
    first.log_in()
    [session] = first.report("session")
    second.log_in()

    assert Admin(sio, "again").log_in({"sessionId": session})["type"] == "4"


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({}, ["AGGREGATED_EVENTS", *base_admin.COMMANDS, "ALL_EVENTS"]),
        ({"read_only": True}, ["AGGREGATED_EVENTS", "ALL_EVENTS"]),
        ({"mode": "production"}, ["AGGREGATED_EVENTS"]),
    ],
)
def test_only_what_works_is_offered(
    sio: socketio.Server, options: dict[str, Any], features: list[str]
) -> None:
    instrument(sio, **options)
    admin = Admin(sio)
    admin.log_in()

    assert admin.report("config") == [{"supportedFeatures": features}]
    assert ("join" in sio.handlers["/admin"]) is ("JOIN" in features)


def test_an_admin_sees_who_is_there(sio: socketio.Server) -> None:
    instrument(sio)
    sid = Client(sio, "client-with-a-long-sid").join()
    sio.enter_room(sid, "room")
    admin = Admin(sio)
    admin.log_in()

    [[client]] = admin.report("all_sockets")

    assert client["id"] == sid
    assert client["nsp"] == "/"
    assert client["rooms"] == [sid, "room"]
    assert client["transport"] == "websocket"
    assert client["clientId"] == "client-with-"


def test_an_admin_sees_what_happens(sio: socketio.Server) -> None:
    instrument(sio)
    sio.on("echo", lambda sid, data: sio.emit("answer", data, to=sid))
    admin = Admin(sio)
    admin.log_in()
    client = Client(sio, "client")
    sid = client.join()

    assert admin.report("socket_connected")[0]["id"] == sid
    client.send('2["echo",5]')
    assert admin.report("event_received")[:3] == ["/", sid, ["echo", 5]]
    assert admin.report("event_sent")[:3] == ["/", sid, ["answer", 5]]
    sio.enter_room(sid, "room")
    assert admin.report("room_joined")[:3] == ["/", "room", sid]
    sio.leave_room(sid, "room")
    assert admin.report("room_left")[:3] == ["/", "room", sid]
    client.vanish()
    assert admin.report("socket_disconnected")[:3] == ["/", sid, "transport close"]


class Candidate(Client):
    """A WebSocket on which a client upgrades, all at once."""

    def __init__(self, client: Client) -> None:
        self.packets, self.session = client.packets, client.session
        self.buffered = self.unsent = 0
        client.sio.eio.engine.start_probe(self.session, self, client.sio.eio.clock())

    def serve(self, receiver: Receiver) -> None:
        receiver.frame("2probe")
        receiver.frame("5")


def test_an_upgrade_is_seen_at_once(sio: socketio.Server) -> None:
    instrument(sio, server_stats_interval=9)
    admin = Admin(sio)
    admin.log_in()
    client = Client(sio, "client")
    client.session.transport = "polling"
    sid = client.join()
    assert admin.report("socket_connected")[0]["transport"] == "polling"

    candidate: Any = Candidate(client)
    request: Any = SimpleNamespace(environ=dict)
    with pytest.raises(StopIteration):  # for the web server
        sio.eio._serve(request, candidate, client.session, candidate, probing=True)
    begin = time.monotonic()
    [update] = admin.report("socket_updated")

    assert update == {"id": sid, "nsp": "/", "transport": "websocket"}
    assert time.monotonic() - begin < 8


def test_statistics_come_again_and_again(sio: socketio.Server) -> None:
    instrument(sio, mode="production", server_id="me")
    admin = Admin(sio)
    admin.log_in()
    client = Client(sio, "client")
    client.join()
    client.send('2["event","0123456789"]')
    counted: dict[str, int] = {}

    while counted.get("bytesIn", 0) < 20 or counted.get("rawConnection", 0) < 2:
        [stats] = admin.report("server_stats")
        for event in stats["aggregatedEvents"]:
            counted[event["type"]] = counted.get(event["type"], 0) + event["count"]

    assert stats["serverId"] == "me"
    assert stats["clientsCount"] == 2
    assert stats["namespaces"] == [{"name": "/", "socketsCount": 1}]
    assert counted["packetsIn"] == 3
    assert counted["packetsOut"] >= 3


def test_admins_may_act(sio: socketio.Server) -> None:
    instrument(sio)
    admin = Admin(sio)
    admin.log_in()
    client, other = Client(sio, "client"), Client(sio, "other")
    sid, other_sid = client.join(), other.join()

    admin.order("emit", "/", sid, "hello", 1, 2)
    assert client.next() == '2["hello",1,2]'
    admin.order("join", "/", "room", sid)
    assert admin.report("room_joined")[:3] == ["/", "room", sid]
    admin.order("join", "/", "both", None)
    assert admin.report("room_joined")[1] == admin.report("room_joined")[1] == "both"
    admin.order("leave", "/", "both", "room")
    assert admin.report("room_left")[:3] == ["/", "both", sid]
    admin.order("_disconnect", "/", False, sid)
    assert client.next() == "1"
    admin.order("_disconnect", "/", True, other_sid)
    assert admin.report("socket_disconnected")[1] == sid
    assert admin.report("socket_disconnected")[1] == other_sid
    assert other.session.reason == "server disconnect"


def test_commands_of_another_servers_admin_are_obeyed(sio: socketio.Server) -> None:
    instrumented = instrument(sio)
    client = Client(sio)
    sid = client.join()

    instrumented.heard("/admin", base_admin.SERVERS, "command", ["join", "/", "room", None])
    while "room" not in sio.rooms(sid):
        pass
    instrumented.heard("/", base_admin.SERVERS, "command", ["disconnect", "/", False, None])
    instrumented.heard("/admin", "elsewhere", "command", ["disconnect", "/", False, None])
    instrumented.heard("/admin", base_admin.SERVERS, "command", ["what"])
    instrumented.heard("/admin", base_admin.SERVERS, "command", ["leave", "/", "room", None])
    while "room" in sio.rooms(sid):
        pass

    assert sio.manager.is_connected(sid, "/")


def test_the_clients_are_shown_to_another_servers_admin(sio: socketio.Server) -> None:
    instrumented = instrument(sio)
    sid = Client(sio).join()
    admin = Admin(sio, "admin")  # stands for one elsewhere: it is addressed by its sid only
    sid_of_admin = admin.log_in()["sid"]
    admin.report("all_sockets")

    instrumented.heard("/admin", base_admin.SERVERS, "admin", [sid_of_admin])

    assert admin.report("socket_connected")[0]["id"] == sid


def test_what_cannot_be_reported_does_not_stop_the_reports(sio: socketio.Server) -> None:
    instrumented = instrument(sio)
    admin = Admin(sio)
    admin.log_in()
    client = Client(sio, "client")
    client.join()

    instrumented.received("sid", "/", ["event", object()])
    client.send('2["next"]')

    assert admin.report("event_received")[2] == ["next"]


def test_too_many_reports_are_dropped_and_counted(
    sio: socketio.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_admin, "MAX_REPORTS", 2)
    instrumented = instrument(sio)

    for _ in range(5):
        instrumented.received("sid", "/", ["event"])

    assert len(instrumented._reports) == 2
    assert instrumented.dropped_reports == 3


def test_two_servers_do_not_count_each_others_clients() -> None:
    first, second = make_server(), make_server()
    instrument(first)
    instrument(second)

    Client(second).join()

    assert first.eio.traffic is not None
    assert second.eio.traffic is not None
    assert (first.eio.traffic.packets_in, second.eio.traffic.packets_in) == (0, 1)


def test_nothing_is_left_after_uninstrument(sio: socketio.Server) -> None:
    instrumented = instrument(sio)
    Client(sio).join()
    instrumented.shutdown()
    instrumented.uninstrument()
    instrumented._reports = deque()

    Client(sio, "other").join()

    assert instrumented.stats_task is None
    assert not instrumented._reports
    assert "/admin" not in sio.handlers
    assert sio.eio.traffic is None
    assert instrumented._stopped.wait(SOON)


def test_events_are_counted_by_type_and_second() -> None:
    buffer = EventBuffer()
    buffer.push("a")
    buffer.push("a", 2)
    buffer.push("b")

    counted = buffer.get_and_clear()

    totals: dict[str, int] = {}
    for event in counted:
        assert event["timestamp"] % 1000 == 0
        totals[event["type"]] = totals.get(event["type"], 0) + event["count"]
    assert totals == {"a": 3, "b": 1}
    assert buffer.get_and_clear() == []
