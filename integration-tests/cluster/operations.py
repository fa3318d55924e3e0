"""What a cluster does, whatever it is made of.

Each test gets a cluster and clients on both of its servers.  test_operations.py runs them with
every manager of ours, test_mixed.py with upstream's among them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from .clients import ECHO, NEVER, PATIENCE, eventually
from .nodes import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clients import Client
    from .conftest import Cluster
    from .nodes import Node

FROM = pytest.mark.parametrize("origin", ["server", "emitter"])
"""Who does it."""


class Operations:
    """Everything that crosses processes."""

    @pytest.fixture
    async def clients(self, cluster: Cluster, connect: Callable[..., Any]) -> list[Client]:
        """Two clients of each server, once the servers hear each other."""
        clients = [await connect(server) for server in cluster.servers for _ in range(2)]
        await hear_each_other(cluster, clients)
        return clients

    # to whom

    @FROM
    async def test_everybody(self, cluster: Cluster, clients: list[Client], origin: str) -> None:
        await cluster.processes[origin].do("emit", "hi", {"x": 1})

        for client in clients:
            assert await client.next() == ["hi", {"x": 1}]

    @FROM
    async def test_one_client(self, cluster: Cluster, clients: list[Client], origin: str) -> None:
        node = cluster.processes[origin]
        for number, client in enumerate(clients):
            await node.do("emit", "you", number, room=client.sid)

        assert await received(node, clients) == [[["you", number]] for number in range(4)]

    @FROM
    async def test_all_but_some(self, cluster: Cluster, clients: list[Client], origin: str) -> None:
        node = cluster.processes[origin]
        await node.do("emit", "a", skip_sid=clients[3].sid, data=None)
        await node.do("emit", "b", skip_sid=[clients[0].sid, clients[2].sid], data=None)

        assert await received(node, clients) == [[["a"]], [["a"], ["b"]], [["a"]], [["b"]]]

    @FROM
    @pytest.mark.parametrize("rooms", [("red", "blue"), ("grün", '"\U0001f535"\\\u2028'), (7, 8)])
    async def test_rooms(
        self, cluster: Cluster, clients: list[Client], origin: str, rooms: tuple[Any, Any]
    ) -> None:
        node = cluster.processes[origin]
        for client in clients[1:3]:
            await self.enter(cluster, client, rooms[0])
        for client in clients[2:4]:
            await self.enter(cluster, client, rooms[1])

        await node.do("emit", "red", None, room=rooms[0])
        await node.do("emit", "both", None, room=list(rooms))
        await node.do("emit", "nobody", None, room="green")

        red, both = ["red"], ["both"]
        assert await received(node, clients) == [[], [red, both], [red, both], [both]]

    @FROM
    async def test_namespaces(
        self, cluster: Cluster, connect: Callable[..., Any], clients: list[Client], origin: str
    ) -> None:
        others = [await connect(server, "/other") for server in cluster.servers]
        node = cluster.processes[origin]

        await node.do("emit", "hi", 1, namespace="/other")

        assert await received(node, others, "/other") == [[["hi", 1]], [["hi", 1]]]
        assert await received(node, clients) == [[], [], [], []]

    async def test_this_process_only(self, cluster: Cluster, clients: list[Client]) -> None:
        await cluster.servers[0].do("emit", "here", None, ignore_queue=True)

        assert await received(cluster.servers[0], clients) == [[["here"]], [["here"]], [], []]

    # what

    @FROM
    @pytest.mark.parametrize(
        ("data", "arguments"),
        [
            (None, []),
            ((), []),
            (0, [0]),
            ("ünï\u2028 \U0001f600 \"'\\", ["ünï\u2028 \U0001f600 \"'\\"]),
            ([1, [2]], [[1, [2]]]),
            ((1, None, {"a": [True]}), [1, None, {"a": [True]}]),
            (b"\x00\xff", [b"\x00\xff"]),
            (("text", b"1", {"deep": [b"2", b""]}), ["text", b"1", {"deep": [b"2", b""]}]),
            ({"namespace": "/x", "host_id": "y"}, [{"namespace": "/x", "host_id": "y"}]),
            ("x" * 100_000, ["x" * 100_000]),
        ],
    )
    async def test_data(
        self,
        cluster: Cluster,
        clients: list[Client],
        origin: str,
        data: Any,
        arguments: list[Any],
    ) -> None:
        await cluster.processes[origin].do("emit", "data", data)

        for client in clients:
            assert await client.next() == ["data", *arguments]

    async def test_what_cannot_be_sent_is_the_callers_error(
        self, cluster: Cluster, clients: list[Client]
    ) -> None:
        for node in cluster.processes.values():
            with pytest.raises(CommandFailed, match="RuntimeError|ValueError"):
                await node.do("emit", "hi", 1, callback=True)

    @FROM
    async def test_order(self, cluster: Cluster, clients: list[Client], origin: str) -> None:
        await self.enter(cluster, clients[0], "order")
        await self.enter(cluster, clients[3], "order")

        await cluster.processes[origin].do("many", 300, "order")

        for client in (clients[0], clients[3]):
            assert [await client.next() for _ in range(300)] == [
                ["number", number] for number in range(300)
            ]

    # rooms

    @FROM
    async def test_others_are_put_into_rooms_and_taken_out(
        self, cluster: Cluster, clients: list[Client], origin: str
    ) -> None:
        node = cluster.processes[origin]
        await self.enter(cluster, clients[3], "club", node)
        await node.do("emit", "in", None, room="club")
        await self.leave(cluster, clients[3], "club", node)
        await node.do("emit", "out", None, room="club")

        assert await received(node, clients) == [[], [], [], [["in"]]]

    @FROM
    async def test_a_room_is_closed_everywhere(
        self, cluster: Cluster, clients: list[Client], origin: str
    ) -> None:
        node = cluster.processes[origin]
        for client in clients:
            await self.enter(cluster, client, "hall")

        await node.do("close_room", "hall", namespace="/")
        await node.do("emit", "hi", None, room="hall")

        assert await received(node, clients) == [[], [], [], []]

    # answers

    @pytest.mark.parametrize(
        ("answer", "result"),
        [
            (None, None),
            (1, 1),
            ((1, "two"), (1, "two")),
            ([1], [1]),
            ({"a": None}, {"a": None}),
        ],
    )
    async def test_calling_a_client_of_either_server(
        self, cluster: Cluster, clients: list[Client], answer: Any, result: Any
    ) -> None:
        for client in (clients[0], clients[3]):
            client.answer = answer

            assert await cluster.servers[0].do("call", "ask", to=client.sid) == result

    async def test_a_call_takes_arguments_there_and_back(
        self, cluster: Cluster, clients: list[Client]
    ) -> None:
        clients[3].answer = ECHO

        result = await cluster.servers[0].do("call", "ask", (1, "ü"), to=clients[3].sid)

        assert result == (1, "ü")

    @pytest.mark.parametrize("caller", [0, 1])
    @pytest.mark.parametrize("called", [0, 1])
    async def test_many_calls_at_once(
        self, cluster: Cluster, clients: list[Client], caller: int, called: int
    ) -> None:
        those = clients[2 * called :][:2]
        for client in those:
            client.answer = ECHO
        asked = [(client, number) for number in range(20) for client in those]

        results = await asyncio.gather(
            *[
                cluster.servers[caller].do("call", "ask", (number, client.sid), to=client.sid)
                for client, number in asked
            ]
        )

        assert results == [(number, client.sid) for client, number in asked]

    async def test_a_call_that_is_not_answered_times_out(
        self, cluster: Cluster, clients: list[Client]
    ) -> None:
        for client in (clients[0], clients[3]):
            client.answer = NEVER
            with pytest.raises(CommandFailed, match="TimeoutError"):
                await cluster.servers[0].do("call", "ask", to=client.sid, timeout=0.3)
            await asyncio.wait_for(client.asked.wait(), PATIENCE)

    async def test_of_a_room_the_first_answer_counts(
        self, cluster: Cluster, clients: list[Client]
    ) -> None:
        node = cluster.servers[0]
        before = len(await node.do("acks"))
        for client in clients:
            client.answer = "yes"
            await self.enter(cluster, client, "quiz")

        await node.do("emit", "ask", None, room="quiz", callback=True)
        await node.do("call", "ask", to=clients[3].sid)
        await received(node, clients)

        assert (await node.do("acks"))[before:] == [["yes"]]

    # the end

    @FROM
    async def test_a_client_of_another_server_is_disconnected_there(
        self, cluster: Cluster, clients: list[Client], origin: str
    ) -> None:
        client = clients[3]
        sid = client.sid

        await cluster.processes[origin].do("disconnect", sid, namespace="/")

        await asyncio.wait_for(client.ended.wait(), PATIENCE)

        async def handler_has_run() -> bool:
            return f"{sid} server disconnect" in await cluster.servers[1].do("ended")

        await eventually(handler_has_run)
        assert await received(cluster.servers[0], clients[:3]) == [[], [], []]

    # how

    async def enter(
        self, cluster: Cluster, client: Client, room: Any, node: Node | None = None
    ) -> None:
        """Put a client into a room, and return once it is in it."""
        node = node or cluster.servers[0]
        if node is cluster.emitter:
            await node.do("enter_room", client.sid, "/", room)
        else:
            await node.do("enter_room", client.sid, room)
        await self.settle(cluster, node, client)

    async def leave(
        self, cluster: Cluster, client: Client, room: str, node: Node | None = None
    ) -> None:
        """Take a client out of a room."""
        node = node or cluster.servers[0]
        if node is cluster.emitter:
            await node.do("leave_room", client.sid, "/", room)
        else:
            await node.do("leave_room", client.sid, room)
        await self.settle(cluster, node, client)

    async def settle(self, cluster: Cluster, node: Node, client: Client) -> None:
        """Wait until what this process has published has been acted on."""
        await node.do("emit", "settled", None, room=client.sid)
        for event in await client.until("settled"):
            client.events.put_nowait(event)


async def hear_each_other(cluster: Cluster, clients: list[Client]) -> None:
    """Return once every process of a cluster reaches every client."""
    for node in (*cluster.servers, cluster.emitter):

        async def reaches_all(node: Node = node) -> bool:
            for client in clients:
                if client.events.empty():
                    await node.do("emit", "hello", None, room=client.sid)
            return not any(client.events.empty() for client in clients)

        await eventually(reaches_all)
        # what is still on its way belongs to nobody
        await received(node, clients)


async def received(node: Node, clients: list[Client], namespace: str = "/") -> list[list[Any]]:
    """Return what each client has got from a process, all of it."""
    for client in clients:
        await node.do("emit", "end", None, room=client.sid, namespace=namespace)
    return [await client.until("end") for client in clients]
