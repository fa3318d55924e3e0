"""Clusters in which some processes run upstream's package: during an upgrade, for instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Cluster

MIXTURES: dict[str, list[tuple[str, str]]] = {
    "asyncio, upstream emits": [
        ("asyncio", "ours"), ("asyncio", "upstream"), ("asyncio", "upstream"),
    ],
    "asyncio, we emit": [
        ("asyncio", "upstream"), ("asyncio", "ours"), ("asyncio", "ours"),
    ],
    "threads, upstream emits": [
        ("sync", "ours"), ("sync", "upstream"), ("sync", "upstream"),
    ],
    "threads, we emit": [
        ("sync", "upstream"), ("sync", "ours"), ("sync", "ours"),
    ],
    "asyncio and threads": [
        ("asyncio", "ours"), ("sync", "upstream"), ("sync", "ours"),
    ],
}  # fmt: skip
"""The colours and the packages of two servers and an emitter."""

BACKENDS = ["redis", "rabbitmq"]

BROKEN = {
    ("test_a_client_of_another_server_is_disconnected_there", "emitter"): (
        "a write-only manager of upstream fails with AttributeError"
    ),
}
"""What upstream cannot do, by test and origin."""

HANGS = "upstream's KombuManager hangs when several threads publish at once, also answers"


@pytest.fixture(scope="module", params=MIXTURES)
def members(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    return MIXTURES[request.param]


@pytest.fixture(scope="module", params=BACKENDS)
def cluster(
    request: pytest.FixtureRequest,
    members: list[tuple[str, str]],
    start_cluster: Callable[..., Any],
) -> Iterator[Cluster]:
    with start_cluster(request.param, *members) as cluster:
        yield cluster


class TestMixed(Operations):
    """The operations that upstream knows."""

    @pytest.fixture(autouse=True)
    def expect_failure(
        self, request: pytest.FixtureRequest, members: list[tuple[str, str]]
    ) -> None:
        name, values = request.node.originalname, request.node.callspec.params
        reason = BROKEN.get((name, values.get("origin")))
        if reason is not None and members[2][1] == "upstream":
            request.applymarker(pytest.mark.xfail(reason=reason))
        if name == "test_many_calls_at_once" and values["cluster"] == "rabbitmq":
            if ("sync", "upstream") in (members[values["caller"]], members[values["called"]]):
                request.applymarker(pytest.mark.xfail(reason=HANGS, run=False))

    async def test_nothing_is_misunderstood(
        self, cluster: Cluster, members: list[tuple[str, str]]
    ) -> None:
        nodes = [*cluster.servers, cluster.emitter]
        ours = [
            node for node, (_, package) in zip(nodes, members, strict=True) if package == "ours"
        ]
        for node in ours:
            health = await node.do("health")

            assert health["state"] == "connected"
            counts = ("pending", "dropped", "uncertain", "missed", "duplicates", "malformed")
            assert {name: health[name] for name in counts} == dict.fromkeys(counts, 0)
