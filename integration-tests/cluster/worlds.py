"""A cluster on a broker of its own, under traffic while something happens to the broker."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from socketio.base_pubsub_manager import JITTER, MAX_DELAY, SEND_TIMEOUT

from .backends import BACKENDS
from .clients import PATIENCE, Client, eventually
from .nodes import Node

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from .brokers.process import Broker
    from .brokers.relay import Relays

RECOVERY = MAX_DELAY * (1 + JITTER) + SEND_TIMEOUT
"""Seconds within which a broker that is back is noticed, as documented."""

ROLES = ("server", "server", "emitter")

NOTICED = 2 * SEND_TIMEOUT
"""Seconds within which everybody has noticed that a broker is away."""

RANGE = 1_000_000
"""Each process emits numbers of its own: from a multiple of this."""

PAUSE = 0.02
"""Seconds between two of them."""

RATE = 2 / PAUSE
"""Numbers that the two others emit in a second, for each server."""

PROMPT = 5.0
"""Seconds within which a server answers its clients, on a busy machine."""

SLOW = SEND_TIMEOUT + PROMPT
"""Seconds that no emit may take.  Without a server it waits for the broker until that is known to
be away; that of a server waits while a broker that is back works off what was kept."""

BACKLOG = 60.0
"""Seconds within which it has been worked off, on a busy machine."""

MOMENTS = {
    "redis": 0.2,
    "kombu on redis": 1.0,
    "rabbitmq": 0.2,
    "kafka": None,
    "zeromq": 1.0,
}
"""Seconds for which a server may miss what others emit when its own connection is lost alone, or
before theirs; ``None`` where the broker keeps it."""

ACKNOWLEDGING = ("rabbitmq", "asyncio")
"""What RabbitMQ sends again unless it has crashed: kombu does not acknowledge what it gets."""

CUTS = 3
"""How often connections are lost in one test, at most."""

UNCERTAIN = 50
"""Messages that were on their way when the broker was lost, and may have arrived, at most."""

LOST = ("Cannot publish", "Cannot receive")
FOUND = ("Publishing to", "Receiving from")
"""How the lines of the log begin that tell of the loss of the broker, and of its return."""


class Processes:
    """Two servers and a process that only emits, on a broker behind relays."""

    def __init__(self, backend_name: str, colour: str, broker: Broker) -> None:
        backend = BACKENDS[backend_name]
        options = backend.options(broker, f"channel-{uuid.uuid4().hex[:8]}")
        self.usage: list[dict[str, int]] = []
        """What they and the broker held on their first day."""
        self.nodes: list[Node] = []
        try:
            for role in ROLES:
                own = {**options, "write_only": True} if role == "emitter" else options
                self.nodes.append(Node(role, colour, backend.managers[colour], own))
        except BaseException:
            self.stop()
            raise

    @property
    def servers(self) -> list[Node]:
        return self.nodes[:2]

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


@dataclass
class Observation:
    """What has been noticed while something happened."""

    lost: list[set[int]] = field(default_factory=list)
    """Numbers of other processes that each server's client has not received."""
    kept: set[int] = field(default_factory=set)
    """Numbers emitted while the broker was known to be away."""
    counts: list[dict[str, int]] = field(default_factory=list)
    """By how much each process' counts in ``health`` have grown."""
    slowest: list[float] = field(default_factory=list)
    """Seconds that an emit of each process took at most."""
    slowest_answer: float = 0.0
    """Seconds that a client waited for an answer of its server at most."""
    logs: list[list[str]] = field(default_factory=list)
    """What each process has logged."""

    @property
    def uncertain(self) -> list[int]:
        """Numbers that each server may have missed because of what happened to the senders."""
        gone = [counts["uncertain"] + counts["dropped"] for counts in self.counts]
        return [sum(gone) - gone[server] for server in range(2)]

    def count(self, node: int, *beginnings: str) -> int:
        """Return how many lines of the manager of a process begin like this."""
        own = tuple(f"node: {beginning}" for beginning in beginnings)
        return sum(line.startswith(own) for line in self.logs[node])

    def lost_according_to_log(self, node: int) -> int:
        """Return how many messages of a process were lost, or may have been, as it says."""
        return sum(map(int, re.findall(r"again; (\d+) messages", "".join(self.logs[node]))))

    def foreign(self, node: int) -> list[str]:
        """Return the lines of a process that are not the manager's."""
        return [line for line in self.logs[node] if not line.startswith("node: ")]


class World:
    """A cluster with a client on each server, and what they receive."""

    room = "room"

    def __init__(
        self, processes: Processes, broker: Broker, relays: Relays, clients: list[Client]
    ) -> None:
        self.nodes = processes.nodes
        self.servers = processes.servers
        self.broker = broker
        self.relays = relays
        self.clients = clients
        self.arrived: list[list[int]] = [[], []]
        """Numbers that each client has received since it was last looked at."""

    async def states(self) -> list[str]:
        """Return how each process is connected."""
        return [str((await node.do("health"))["state"]) for node in self.nodes]

    async def are(self, state: str, timeout: float) -> None:
        """Return once every process says that it is ``away``, or ``connected``."""

        async def all_say_so() -> bool:
            return set(await self.states()) == {state}

        await eventually(all_say_so, timeout)

    async def usage(self) -> list[dict[str, int]]:
        """Return what each process holds, and how many connections the broker has."""
        usage = [await node.do("usage") for node in self.nodes]
        for held in usage:
            del held["memory"], held["blocks"]
        return [*usage, {"connections": self.relays.connections}]

    def collect(self) -> None:
        """Look at what has arrived."""
        for client, numbers in zip(self.clients, self.arrived, strict=True):
            while not client.events.empty():
                event = client.events.get_nowait()
                if event[0] == "number":
                    numbers.append(event[1])

    async def arrives(self, last: list[int], timeout: float) -> None:
        """Return once both clients have got that number of each process, or a later one."""

        async def have_arrived() -> bool:
            self.collect()
            return all(
                any(number <= received < start + RANGE for received in numbers)
                for numbers in self.arrived
                for number, start in zip(last, range(0, 3 * RANGE, RANGE), strict=True)
            )

        await eventually(have_arrived, timeout)

    async def gather(self) -> None:
        """Return once everybody hears everybody."""
        greeting = uuid.uuid4().hex

        async def all_hear_all() -> bool:
            for number, node in enumerate(self.nodes):
                await node.do("emit", greeting, number, room=self.room)
            for client, numbers in zip(self.clients, heard, strict=True):
                while not client.events.empty():
                    event = client.events.get_nowait()
                    if event[0] == greeting:
                        numbers.add(event[1])
            return heard == [{0, 1, 2}] * 2

        heard: list[set[int]] = [set(), set()]
        await eventually(all_hear_all, RECOVERY)

    async def observe(
        self, happens: Callable[[], Awaitable[None]], *, starts_well: bool = True
    ) -> Observation:
        """Let something happen while all emit, until everything arrives again.

        Whatever it is: what does not arrive is counted by those who miss it, nothing comes twice
        or in another order, and clients of a server are not held up by what ails the broker.
        """
        self.collect()
        self.arrived = [[], []]
        seen = Observation()
        before = [await node.do("health") for node in self.nodes]
        marks = [len(node.log) if starts_well else 0 for node in self.nodes]
        flows = [
            asyncio.create_task(node.do("flow", self.room, number * RANGE, PAUSE))
            for number, node in enumerate(self.nodes)
        ]
        try:
            with self._pinging() as answers:
                if starts_well:
                    await self.arrives([number * RANGE for number in range(3)], PATIENCE)
                await happens()
                await self.are("connected", RECOVERY)
                await self.arrives([await node.do("next") for node in self.nodes], BACKLOG)
        finally:
            for node in self.nodes:
                await node.do("ebb")
        results = await asyncio.gather(*flows)
        await self.arrives([result["end"] - 1 for result in results], PATIENCE)
        seen.slowest_answer = max(answers)
        seen.slowest = [result["slowest"] for result in results]
        seen.kept = {number for result in results for number in result["kept"]}
        after = [await node.do("health") for node in self.nodes]
        seen.counts = [
            {
                name: now[name] - then[name]
                for name in ("missed", "uncertain", "dropped", "duplicates", "malformed")
            }
            for now, then in zip(after, before, strict=True)
        ]
        seen.logs = [node.log[mark:] for node, mark in zip(self.nodes, marks, strict=True)]
        for server in range(2):
            seen.lost.append(self._check(server, [result["end"] for result in results]))
        self._report(seen)
        assert max(seen.slowest) < SLOW
        assert seen.slowest_answer < PROMPT
        assert [count["missed"] for count in seen.counts[:2]] == [len(lost) for lost in seen.lost]
        assert [count["malformed"] for count in seen.counts] == [0, 0, 0]
        return seen

    def _check(self, server: int, ends: list[int]) -> set[int]:
        """Return what the client of a server has missed; nothing may have come twice."""
        self.collect()
        lost: set[int] = set()
        for number, end in enumerate(ends):
            start = number * RANGE
            received = [one for one in self.arrived[server] if start <= one < start + RANGE]
            assert received == sorted(set(received))
            if number == server:
                assert received == list(range(start, end))
            lost |= set(range(start, end)) - set(received)
        return lost

    def _report(self, seen: Observation) -> None:
        print(f"lost {[len(lost) for lost in seen.lost]}, kept {len(seen.kept)}", end=" ")
        print(f"lost of the kept {[len(lost & seen.kept) for lost in seen.lost]}")
        for number in range(3):
            kept = [one for one in seen.kept if one // RANGE == number]
            lost = [[one for one in lost if one // RANGE == number] for lost in seen.lost]
            print(f"of process {number}: lost {lost}, kept {min(kept, default=None)} to", end=" ")
            print(f"{max(kept, default=None)}")
        print(f"counts {seen.counts}")
        print(f"slowest {seen.slowest}, slowest answer {seen.slowest_answer}")
        for number in range(3):
            print(
                f"log: {seen.count(number, *LOST)} lost, {seen.count(number, *FOUND)} found, "
                f"{len(seen.foreign(number))} of others"
            )

    @contextlib.contextmanager
    def _pinging(self) -> Iterator[list[float]]:
        """Let each client ask its server something all the time."""
        seconds: list[float] = []

        async def ping(client: Client) -> None:
            while True:
                seconds.append(await client.ping())
                await asyncio.sleep(PAUSE)

        tasks = [asyncio.create_task(ping(client)) for client in self.clients]
        try:
            yield seconds
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()


async def check_good_day(world: World) -> None:
    """Nothing happens, and everything arrives."""

    async def nothing() -> None:
        await asyncio.sleep(0.2)

    seen = await world.observe(nothing)

    assert seen.lost == [set(), set()]
    assert seen.kept == set()
    assert seen.logs == [[], [], []]


def check_losses(
    seen: Observation, backend: tuple[str, str], unnoticed: float = 0, *, crashed: bool = False
) -> None:
    """Next to nothing was lost.

    Only what was on its way when the broker was lost, if the broker keeps messages for those who
    are away.  Otherwise also what others have missed for a moment.

    :param unnoticed: seconds for which the loss of a connection may go unnoticed.
    :param crashed: whether the broker has forgotten what it had in memory.
    """
    moment = MOMENTS[backend[0]]
    if moment is None or (backend == ACKNOWLEDGING and not crashed):
        allowed = 0.0
    elif backend[0] == "rabbitmq":  # keeps all but what is on its way
        allowed = min(max(unnoticed, 1), CUTS) * moment * RATE
    elif backend[0] == "zeromq":  # confirms nothing
        allowed = (unnoticed + moment) * RATE
    else:
        allowed = moment * max(unnoticed, 1) * RATE
    assert max(seen.uncertain) <= UNCERTAIN
    for lost, uncertain in zip(seen.lost, seen.uncertain, strict=True):
        assert len(lost) <= uncertain + allowed
        if not unnoticed:
            # where only one direction has been noticed, the other may still be tried
            assert len(lost & seen.kept) <= uncertain


def check_log(seen: Observation, outages: int = 1, *, noticed: bool = True) -> None:
    """The log tells of the loss of the broker once, and of its return, in each direction."""
    for node in range(3):
        for lost, found in zip(LOST, FOUND, strict=True):
            assert seen.count(node, lost) == seen.count(node, found) <= outages
        assert not noticed or seen.count(node, *LOST)
        assert seen.foreign(node) == []
        counts = seen.counts[node]
        assert seen.lost_according_to_log(node) == counts["uncertain"] + counts["dropped"]
