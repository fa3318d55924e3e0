"""The workloads: what is measured, over how many clients, and how.

A workload takes a running server and returns rows ``{row name: {metric: number}}``.  CPU is the
server's, between two marks after a warm-up, divided by the messages answered between the marks (a
broadcast counts once per receiver).  The loop is closed: a client sends its next event when the
last is answered, so throughput is the server's limit, and latency is latency at that limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import frames
from load import Exchange, Fan, Sample, clock, connect, disconnect, join
from polling import Polling

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Cluster, Process

Row = dict[str, float]
Rows = dict[str, Row]


@dataclass(frozen=True)
class Scale:
    """How long a run takes; every repetition is bounded by it and by ``load.STALL``."""

    warm_up: float  # seconds
    measure: float  # seconds
    rounds: int


FULL = Scale(warm_up=1.0, measure=2.0, rounds=3)
QUICK = Scale(warm_up=0.3, measure=0.4, rounds=1)


@dataclass(frozen=True)
class Workload:
    """A named measurement.

    ``fresh`` ones get a server process of their own, those of a ``cluster`` two and a Redis.
    """

    name: str
    title: str
    run: Callable[[Any, Scale], Rows]
    fresh: bool = False
    cluster: bool = False


class Measured(Protocol):
    """What ``steady`` needs of a server, or of several."""

    def cpu(self) -> float: ...
    def delayed(self) -> float: ...


class Loop(Protocol):
    """What ``steady`` needs of a load."""

    def start(self) -> None: ...
    def run(self, seconds: float) -> Sample: ...
    def drain(self) -> None: ...


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the sorted values lies; 0 for none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def row(sample: Sample, cpu: float, delayed: float) -> Row:
    """Turn a sample, the server's CPU seconds for it and the delay into the reported numbers."""
    latencies = sorted(sample.latencies)
    return {
        "cpu_us": cpu / sample.count * 1e6,
        "per_second": sample.count / sample.seconds,
        "p50_ms": percentile(latencies, 0.50) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "server_share": cpu / sample.seconds,
        "load_share": sample.load_share,
        "disturbed": delayed / sample.seconds,
        "count": sample.count,
    }


def steady(load: Loop, process: Measured, scale: Scale) -> Row:
    """Warm up, measure, and check that every answer arrived exactly once."""
    load.start()
    load.run(scale.warm_up)
    before, delay = process.cpu(), process.delayed()
    sample = load.run(scale.measure)
    cpu, delay = process.cpu() - before, process.delayed() - delay
    load.drain()
    return row(sample, cpu, delay)


def exchange(name: str, clients: int, events: dict[bytes, bytes]) -> Workload:
    """Each of the clients keeps its events in flight; CPU is per event and its answer."""

    def run(process: Process, scale: Scale) -> Rows:
        links, _ = connect(process.port, clients)
        numbers = steady(Exchange(links, events), process, scale)
        disconnect(links)
        process.settle()
        return {name: numbers}

    what = "event and event back" if frames.PONG_BACK in events else "event with ack"
    return Workload(name, f"{what}, {clients} clients × {len(events)} in flight", run)


def fan(receivers: int) -> Workload:
    """Broadcasts to every client of the namespace, a few in flight; CPU is per delivery."""
    name = f"fan-{receivers}"

    def run(process: Process, scale: Scale) -> Rows:
        links, _ = connect(process.port, receivers)
        in_flight = max(2, 40 // receivers)
        numbers = steady(Fan(links, in_flight), process, scale)
        disconnect(links)
        process.settle()
        return {name: numbers}

    return Workload(name, f"broadcast to {receivers}, per delivery", run)


def cluster(receivers: int) -> Workload:
    """One of two servers writes to a room that is half on the other; CPU of both per delivery."""
    name = f"cluster-{receivers}"

    def run(servers: Cluster, scale: Scale) -> Rows:
        links = [
            link
            for server in servers.members
            for link in connect(server.port, receivers // len(servers.members))[0]
        ]
        join(links)
        servers.settle()
        in_flight = max(2, 40 // receivers)
        numbers = steady(Fan(links, in_flight), servers, scale)
        disconnect(links)
        servers.settle()
        return {name: numbers}

    title = f"two servers and Redis, to a room of {receivers}, per delivery"
    return Workload(name, title, run, cluster=True)


def bystander() -> Workload:
    """What a server pays for an event of another one that concerns none of its own clients."""

    def run(servers: Cluster, scale: Scale) -> Rows:
        links = [link for server in servers.members for link in connect(server.port, 1)[0]]
        join(links[:1])
        servers.settle()
        numbers = steady(Fan(links[:1], in_flight=20), servers.members[1], scale)
        disconnect(links)
        servers.settle()
        return {"cluster-bystander": numbers}

    title = "Redis: an event for nobody here, each"
    return Workload("cluster-bystander", title, run, cluster=True)


def crowd(clients: int, warm_up: int) -> Workload:
    """Connect many, let them idle, disconnect all at once.

    Rows: ``connect-N`` is the connects (WebSocket handshake and namespace, 20 at a time),
    ``idle-N`` the growth of the server's memory per connection, ``disconnect-N`` the CPU per
    disconnect from the first close frame until the server is idle again.  Some clients connect
    and disconnect beforehand, so that code is loaded and caches are filled; memory is reported
    only where they are few by comparison, for what they leave free is used again.
    """

    def run(process: Process, scale: Scale) -> Rows:
        links, _ = connect(process.port, warm_up)
        disconnect(links)
        before, delay = process.settle(), process.delayed()
        empty = process.memory()
        links, sample = connect(process.port, clients)
        delay = process.delayed() - delay
        idle = process.settle()
        memory = (process.memory() - empty) / clients
        ending, late = clock(), process.delayed()
        disconnect(links)
        gone = process.settle()
        late = (process.delayed() - late) / (clock() - ending)
        return {
            f"connect-{clients}": row(sample, idle - before, delay),
            f"idle-{clients}": {"bytes": memory, "empty_bytes": empty},
            f"disconnect-{clients}": {"cpu_us": (gone - idle) / clients * 1e6, "disturbed": late},
        }

    title = f"connect, idle memory and disconnect of {clients}"
    return Workload(f"crowd-{clients}", title, run, fresh=True)


def long_polling(clients: int) -> Workload:
    """Polling clients with one event in flight each; CPU is per POST and GET with the ack."""

    def run(process: Process, scale: Scale) -> Rows:
        return {"polling": steady(Polling(process.port, clients), process, scale)}

    title = f"long-polling: POST + GET with ack, {clients} clients"
    return Workload("polling", title, run)


WORKLOADS = [
    crowd(500, warm_up=200),
    crowd(4000, warm_up=200),
    exchange("echo-1", 50, frames.echoes(1)),
    exchange("echo-4", 50, frames.echoes(4)),
    exchange("event-back", 100, {frames.PONG_BACK: frames.PING_BACK}),
    fan(10),
    fan(100),
    fan(1000),
    long_polling(50),
    cluster(10),
    cluster(100),
    bystander(),
]

ROWS = {
    "echo-1": "event with ack, 50 × 1 in flight",
    "echo-4": "event with ack, 50 × 4 in flight",
    "event-back": "event and event back, 100 × 1",
    "fan-10": "broadcast to 10, per delivery",
    "fan-100": "broadcast to 100, per delivery",
    "fan-1000": "broadcast to 1,000, per delivery",
    "connect-500": "connect, each of 500",
    "connect-4000": "connect, each of 4,000",
    "disconnect-500": "disconnect, each of 500",
    "disconnect-4000": "disconnect, each of 4,000",
    "polling": "long-polling, POST + GET with ack",
    "cluster-10": "two servers, room of 10, per delivery",
    "cluster-100": "two servers, room of 100, per delivery",
    "cluster-bystander": "an event for nobody on this server",
    "idle-4000": "idle memory per connection, of 4,000",
}
