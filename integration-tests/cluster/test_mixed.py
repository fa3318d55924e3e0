"""Clusters in which some processes run upstream's package: during an upgrade, for instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable

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

HANGS = "upstream's KombuManager hangs when several threads publish at once"


@pytest.fixture(scope="module", params=MIXTURES)
def members(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    return MIXTURES[request.param]


@pytest.fixture(scope="module", params=BACKENDS)
def cluster(
    request: pytest.FixtureRequest,
    members: list[tuple[str, str]],
    start_cluster: Callable[..., Cluster],
) -> Cluster:
    return start_cluster(request.param, *members)


class TestMixed(Operations):
    """The operations that upstream knows."""

    @pytest.fixture(autouse=True)
    def expect_failure(
        self, request: pytest.FixtureRequest, members: list[tuple[str, str]]
    ) -> None:
        origin = getattr(request.node, "callspec", None)
        origin = origin.params.get("origin") if origin is not None else None
        reason = BROKEN.get((request.node.originalname, origin))
        if reason is not None and members[2][1] == "upstream":
            request.applymarker(pytest.mark.xfail(reason=reason))
        backend = request.node.callspec.params["cluster"]
        at_once = request.node.originalname == "test_many_calls_at_once"
        if at_once and backend == "rabbitmq" and ("sync", "upstream") in members[:2]:
            pytest.xfail(HANGS)
