"""Clusters of our own, with every manager in every colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .backends import COLOURED
from .operations import Operations, received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .clients import Client
    from .conftest import Cluster


@pytest.fixture(scope="module", params=COLOURED, ids="-".join)
def cluster(request: pytest.FixtureRequest, start_cluster: Callable[..., Any]) -> Iterator[Cluster]:
    backend, colour = request.param
    with start_cluster(backend, *[(colour, "ours")] * 3) as cluster:
        yield cluster


class TestOperations(Operations):
    """The operations, and what upstream cannot do."""

    @pytest.mark.parametrize("answer", [b"\x00", ("a", [b"1", b"2"])])
    async def test_bytes_in_an_answer(
        self, cluster: Cluster, clients: list[Client], answer: Any
    ) -> None:
        for client in (clients[0], clients[3]):
            client.answer = answer

            assert await cluster.servers[0].do("call", "ask", to=client.sid) == answer

    async def test_a_callback_for_several_rooms(
        self, cluster: Cluster, clients: list[Client]
    ) -> None:
        node = cluster.servers[0]
        before = len(await node.do("acks"))
        for client in clients:
            client.answer = client.sid

        rooms = [clients[2].sid, clients[3].sid]
        await node.do("emit", "ask", None, room=rooms, callback=True)
        await node.do("call", "ask", to=rooms[0])
        await node.do("call", "ask", to=rooms[1])

        acks = (await node.do("acks"))[before:]
        assert len(acks) == 1
        assert acks[0][0] in rooms

    @pytest.mark.parametrize("recipients", ["", []])
    async def test_nobody_is_not_everybody(
        self, cluster: Cluster, clients: list[Client], recipients: Any
    ) -> None:
        for node in cluster.processes.values():
            await node.do("emit", "hi", None, to=recipients)

            assert await received(node, clients) == [[], [], [], []]

    async def test_nothing_is_lost_or_misunderstood(
        self, cluster: Cluster, clients: list[Client]
    ) -> None:
        for node in (*cluster.servers, cluster.emitter):
            health = await node.do("health")

            assert health["state"] == "connected"
            counts = ("pending", "dropped", "uncertain", "missed", "duplicates", "malformed")
            assert {name: health[name] for name in counts} == dict.fromkeys(counts, 0)
