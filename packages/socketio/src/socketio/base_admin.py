"""What a server tells the Socket.IO Admin UI, without the telling: reports and statistics.

Implements the server side of the ``@socket.io/admin-ui`` protocol, version 0.5.  Application code
only ever waits for an append to a bounded queue: the reports are sent by a task of their own.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from engineio._shell.counted import Traffic

from ._core.observer import Observer
from ._values import snapshot
from .admin_log_in import LogIns

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engineio.typing import Environ

MAX_REPORTS = 10_000
"""Reports that wait to be sent; more are dropped, counted in ``dropped_reports``, logged once."""

CLIENT_ID_LENGTH = 12
"""Characters of an Engine.IO sid that are shown: all of them would let others take it over."""

STOP_TIMEOUT = 5.0
"""Seconds that ``shutdown`` waits for the last report."""

COMMANDS = ("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")

SERVERS = "socketio-admin-servers"
"""A room without clients: what is emitted there is for the other servers of the cluster."""

HOSTNAME: str = socket.gethostname()
"""The host on which this module was imported."""

PID: int = os.getpid()
"""The process that has imported this module; reports name the process that makes them."""

_STARTED = time.time()


class Report(NamedTuple):
    """An event for the admins, or for one of them."""

    event: str
    args: tuple[Any, ...]
    to: str | None = None


class EventBuffer:
    """Counts events by type and second."""

    def __init__(self) -> None:
        self.buffer: dict[tuple[int, str], int] = {}

    def push(self, type: str, count: int = 1) -> None:
        """Count ``count`` events that happen now."""
        key = (int(time.time()) * 1000, type)
        self.buffer[key] = self.buffer.get(key, 0) + count

    def get_and_clear(self) -> list[dict[str, Any]]:
        """Return what was counted, ``timestamp`` in milliseconds, and start again."""
        counted, self.buffer = self.buffer, {}
        return [
            {"timestamp": timestamp, "type": type, "count": count}
            for (timestamp, type), count in counted.items()
        ]


class BaseInstrumentedServer(Observer):
    """Takes note of what happens in a server, for its admins.

    :param sio: the server.
    :param auth: what admins log in with: a dict such as ``{"username": ..., "password": ...}``, a
        list of them, a function that takes what the admin sent and returns whether it is right, or
        ``False`` for no log-in.  ``ValueError`` for ``None`` and for anything empty.
    :param mode: ``'development'`` reports each client, room and event; ``'production'`` only
        statistics.
    :param read_only: do not let admins emit, join, leave or disconnect (only development mode
        does).
    :param server_id: name of this server; default the ``host_id`` of the cluster's manager, else
        the host name.
    :param namespace: namespace of the admins (default ``/admin``).
    :param server_stats_interval: seconds between two statistics (default 2); the page takes a
        server for dead that sends none for 10.
    """

    def __init__(
        self,
        sio: Any,
        auth: Any = None,
        mode: str = "development",
        read_only: bool = False,
        server_id: str | None = None,
        namespace: str = "/admin",
        server_stats_interval: float = 2,
    ) -> None:
        if auth is not False and not auth:
            raise ValueError("auth must be credentials, a function, or False for no log-in")
        if mode not in ("development", "production"):
            raise ValueError("mode must be 'development' or 'production'")
        self.sio = sio
        self.auth = auth
        self.mode = mode
        self.read_only = read_only
        self.server_id: str = (
            server_id or getattr(sio.manager, "host_id", None) or socket.gethostname()
        )
        self.admin_namespace = namespace
        self.server_stats_interval = server_stats_interval
        self.event_buffer: EventBuffer = EventBuffer()
        self.stats_task: Any = None
        self.stop_stats_event: Any = sio.eio.create_event()
        self.dropped_reports: int = 0
        self._reports: deque[Report] = deque()
        self._wake: Any = sio.eio.create_event()
        self._stopped: Any = sio.eio.create_event()
        self._log_ins = LogIns()
        self._newcomers: list[str] = []
        self._times: dict[str, float] = {}
        self._seen: Traffic
        self._seen_opened: int
        self._seen_closed: int
        self.instrument()

    @property
    def is_development(self) -> bool:
        """True if each client, room and event is reported."""
        return self.mode == "development"

    @property
    def takes_commands(self) -> bool:
        """True if admins may act."""
        return self.is_development and not self.read_only

    @property
    def features(self) -> list[str]:
        """What the page offers."""
        features = ["AGGREGATED_EVENTS"]
        if self.takes_commands:
            features += COMMANDS
        if self.is_development:
            features.append("ALL_EVENTS")
        return features

    def _note_task(self, task: Any) -> None:
        self.stats_task = task

    def instrument(self) -> None:
        """Start to take note; called by the constructor.

        Another one that has used the same namespace so far is uninstrumented.
        """
        sio = self.sio
        namespace = self.admin_namespace
        for other in self._instrumented():
            if other.admin_namespace == namespace:
                other.uninstrument()
        sio.on("connect", self.admin_connect, namespace=namespace)
        if self.takes_commands:
            sio.on("emit", self.admin_emit, namespace=namespace)
            sio.on("join", self.admin_enter_room, namespace=namespace)
            sio.on("leave", self.admin_leave_room, namespace=namespace)
            sio.on("_disconnect", self.admin_disconnect, namespace=namespace)
        counters = sio.eio.counters
        self._seen_opened, self._seen_closed = counters.opened, counters.closed
        if sio.eio.traffic is None:
            sio.eio.traffic = Traffic()
        self._seen = replace(sio.eio.traffic)
        self.stop_stats_event.clear()
        sio.add_observer(self)

    def uninstrument(self) -> None:
        """Stop to take note and to report, and forget the handlers of the admin namespace."""
        if self not in self._instrumented():
            return
        sio = self.sio
        sio.handlers.pop(self.admin_namespace, None)
        if self._instrumented() == [self]:
            sio.eio.traffic = None
        sio.remove_observer(self)
        self.stop_stats_event.set()
        self._wake.set()

    def _instrumented(self) -> list[BaseInstrumentedServer]:
        """All that take note of this server for admins."""
        return [other for other in self.sio.observers if isinstance(other, BaseInstrumentedServer)]

    # what the twins add

    admin_connect: Any
    admin_emit: Any
    admin_enter_room: Any
    admin_leave_room: Any
    admin_disconnect: Any

    def _start_reporting(self) -> None:
        """Start the task that sends the reports, unless it runs."""
        raise NotImplementedError

    # what happens

    def connected(self, sid: str, namespace: str) -> None:
        """Greet an admin; report any other client."""
        self._start_reporting()
        if namespace == self.admin_namespace:
            session = self._log_ins.take_session(sid)
            if session is not None:
                self._add("session", session, to=sid)
            self._add("config", {"supportedFeatures": self.features}, to=sid)
            if self.is_development:
                self._add("all_sockets", None, to=sid)
                if self._in_cluster:
                    self._add("admin", sid, to=SERVERS)
                    self._newcomers.append(sid)
        elif self._reports_on(namespace):
            self._times[sid] = time.time()
            self._add("socket_connected", self.serialize_socket(sid, namespace), _now())

    def upgraded(self, sid: str, namespace: str) -> None:
        """Report that a client has moved to WebSocket."""
        if self._reports_on(namespace):
            self._add("socket_updated", {"id": sid, "nsp": namespace, "transport": "websocket"})

    def disconnected(self, sid: str, namespace: str, reason: str) -> None:
        """Report that a client has left."""
        if self._reports_on(namespace):
            self._times.pop(sid, None)
            self._add("socket_disconnected", namespace, sid, reason, _now())

    def received(self, sid: str, namespace: str, event: Sequence[Any]) -> None:
        """Report an event of a client."""
        if self._reports_on(namespace):
            self._add("event_received", namespace, sid, snapshot(event), _now())

    def sent(self, sids: Collection[str], namespace: str, event: Sequence[Any]) -> None:
        """Report an event to clients, for each of them."""
        if self._reports_on(namespace):
            event = snapshot(event)
            for sid in list(sids):
                self._add("event_sent", namespace, sid, event, _now())

    def entered(self, sid: str, namespace: str, room: str) -> None:
        """Report that a client has entered a room; what it enters before, it connects with."""
        if self._reports_on(namespace) and self.sio.manager.is_connected(sid, namespace):
            self._add("room_joined", namespace, room, sid, _now())

    def left(self, sid: str, namespace: str, room: str) -> None:
        """Report that a client has left a room."""
        if self._reports_on(namespace):
            self._add("room_left", namespace, room, sid, _now())

    def listens_to(self, namespace: str, room: str | None) -> bool:
        """Return True for what is for servers."""
        return namespace == self.admin_namespace and room == SERVERS

    def heard(self, namespace: str, room: Any, event: str, data: Any) -> None:
        """Show our clients to an admin of another server, and act as its admins command."""
        if not self.listens_to(namespace, room):
            return
        data = data[0] if isinstance(data, tuple | list) and len(data) == 1 else data
        if event == "admin" and isinstance(data, str) and self.is_development:
            self._start_reporting()
            self._add("introduce", to=data)
        elif event == "command" and self.takes_commands:
            self._start_reporting()
            self._add("command", data)

    @property
    def _in_cluster(self) -> bool:
        return hasattr(self.sio.manager, "host_id")

    def _reports_on(self, namespace: str) -> bool:
        return self.is_development and namespace not in self._admin_namespaces()

    def _admin_namespaces(self) -> set[str]:
        # one observer's reports must not be events for another one
        return {other.admin_namespace for other in self._instrumented()}

    def _add(self, event: str, *args: Any, to: str | None = None) -> None:
        if len(self._reports) >= MAX_REPORTS:
            self.dropped_reports += 1
            if self.dropped_reports == 1:
                self.sio.logger.warning("Too many reports for the admins: some are dropped")
            return
        self._reports.append(Report(event, args, to))
        self._wake.set()

    # what admins see

    def serialize_socket(
        self, sid: str, namespace: str, eio_sid: str | None = None
    ) -> dict[str, Any]:
        """Return a client as the page expects it."""
        if eio_sid is None:
            eio_sid = self.sio.manager.eio_sid_from_sid(sid, namespace)
        session = self.sio.eio.sockets.get(eio_sid)
        return {
            "id": sid,
            "clientId": (eio_sid or "")[:CLIENT_ID_LENGTH],
            "transport": "polling" if session is None else session.transport,
            "nsp": namespace,
            "data": {},
            "handshake": _handshake(self.sio.environ.get(eio_sid) or {}, self._times.get(sid)),
            "rooms": self.sio.manager.get_rooms(sid, namespace),
        }

    def _all_sockets(self) -> list[dict[str, Any]]:
        manager = self.sio.manager
        # those that are leaving have been reported as gone
        return [
            self.serialize_socket(sid, namespace, eio_sid)
            for namespace in manager.get_namespaces()
            if self._reports_on(namespace)
            for sid, eio_sid in manager.get_participants(namespace, None)
            if manager.is_connected(sid, namespace)
        ]

    def _introductions(self) -> list[Report]:
        """Ask the other servers once more for their clients.

        Nobody may have listened yet: an admin is the first client of many a server.
        """
        newcomers, self._newcomers = self._newcomers, []
        return [Report("admin", (sid,), SERVERS) for sid in newcomers]

    def _stats(self) -> Report:
        sio = self.sio
        self._count()
        sessions = list(sio.eio.sockets.values())
        namespaces = {*sio.manager.get_namespaces(), *sio.handlers, *sio.namespace_handlers}
        namespaces -= {*self._admin_namespaces(), "*"}
        stats = {
            "serverId": self.server_id,
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "uptime": time.time() - _STARTED,
            "clientsCount": len(sessions),
            "pollingClientsCount": sum([s.transport == "polling" for s in sessions]),
            "aggregatedEvents": self.event_buffer.get_and_clear(),
            "namespaces": [
                {"name": name, "socketsCount": len(sio.manager.members(name, None))}
                for name in sorted(namespaces)
            ],
        }
        return Report("server_stats", (stats,))

    def _count(self) -> None:
        """Count what has happened since the last statistics."""
        counters, traffic, seen = self.sio.eio.counters, self.sio.eio.traffic, self._seen
        opened, self._seen_opened = counters.opened - self._seen_opened, counters.opened
        closed, self._seen_closed = counters.closed - self._seen_closed, counters.closed
        counts = {"rawConnection": opened, "rawDisconnection": closed}
        if traffic is not None:
            counts["packetsIn"] = traffic.packets_in - seen.packets_in
            counts["packetsOut"] = traffic.packets_out - seen.packets_out
            counts["bytesIn"] = traffic.bytes_in - seen.bytes_in
            counts["bytesOut"] = traffic.bytes_out - seen.bytes_out
            self._seen = replace(traffic)
        for type, count in counts.items():
            if count:
                self.event_buffer.push(type, count)


def _now() -> str:
    return _iso(time.time())


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def _handshake(environ: Environ, connected: float | None) -> dict[str, Any]:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    query = parse_qs(environ.get("QUERY_STRING", ""))
    forwarded = headers.get("x-forwarded-for", "").split(",")[0].strip()
    return {
        "address": headers.get("cf-connecting-ip") or forwarded or environ.get("REMOTE_ADDR", ""),
        "headers": headers,
        "query": {name: v[0] if len(v) == 1 else v for name, v in query.items()},
        "secure": environ.get("wsgi.url_scheme") == "https",
        "url": environ.get("PATH_INFO", ""),
        "issued": 0 if connected is None else connected * 1000,
        "time": "" if connected is None else _iso(connected),
    }
