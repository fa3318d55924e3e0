"""The worst days of a broker: after each of them traffic flows again, and what was lost is counted.

With ``FULL_FAULTS=1``, as in ``make matrix``, every colour of every backend has them, and one of
the pauses takes 30 seconds.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from socketio.base_pubsub_manager import SEND_TIMEOUT

from .backends import COLOURED
from .worlds import CUTS, NOTICED, Processes, World, check_good_day, check_log, check_losses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .brokers.process import Broker
    from .brokers.relay import Relays

FULL = os.environ.get("FULL_FAULTS") == "1"

FAULTY = (
    COLOURED
    if FULL
    else [(name, colour) for name, colour in COLOURED if colour in ("asyncio", "sync")]
    + [("redis", "gevent")]
)
"""Backends and colours."""

PAUSES = [2, 30] if FULL else [2]
"""Seconds for which a broker stands still."""

BEARABLE = 2
"""Seconds of these of which nobody need notice anything."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module", params=FAULTY, ids="-".join)
def backend(request: pytest.FixtureRequest) -> tuple[str, str]:
    name: tuple[str, str] = request.param
    return name


async def test_the_broker_is_started_after_the_servers(
    backend: tuple[str, str],
    broker: Broker,
    relays: Relays,
    enter: Callable[[Processes], Awaitable[World]],
) -> None:
    broker.kill()
    relays.refuse()
    processes = Processes(*backend, broker)
    try:
        world = await enter(processes)

        async def start() -> None:
            await world.are("away", NOTICED)
            await asyncio.to_thread(broker.start)
            relays.listen()

        seen = await world.observe(start, starts_well=False)

        assert seen.lost == [set(), set()]
        check_log(seen)
        await check_good_day(world)
    finally:
        processes.stop()


async def test_the_broker_is_killed_and_started_again(
    world: World, backend: tuple[str, str]
) -> None:
    async def crash() -> None:
        world.relays.refuse()
        world.broker.kill()
        await world.are("away", NOTICED)
        await asyncio.sleep(1)
        await asyncio.to_thread(world.broker.start)
        world.relays.listen()

    seen = await world.observe(crash)

    check_losses(seen, backend, crashed=True)
    check_log(seen)


async def test_connections_are_cut(world: World, backend: tuple[str, str]) -> None:
    async def cut() -> None:
        for _ in range(CUTS):
            assert world.relays.cut()
            await asyncio.sleep(1)

    seen = await world.observe(cut)

    check_losses(seen, backend, unnoticed=CUTS)
    check_log(seen, CUTS, noticed=False)


@pytest.mark.parametrize("seconds", PAUSES)
async def test_the_broker_stands_still(
    world: World, backend: tuple[str, str], seconds: int
) -> None:
    async def pause() -> None:
        world.broker.pause()
        try:
            await asyncio.sleep(seconds)
            if seconds > BEARABLE:
                await world.are("away", 0.1)
        finally:
            world.broker.resume()

    seen = await world.observe(pause)

    if seconds <= BEARABLE:
        assert seen.lost == [set(), set()]
    else:
        # a server may be the last to hear that it is over
        check_losses(seen, backend, unnoticed=max(2 * SEND_TIMEOUT, seconds))
    check_log(seen, noticed=seconds > BEARABLE)


async def test_the_cable_is_out(world: World, backend: tuple[str, str]) -> None:
    async def hold() -> None:
        world.relays.hold()
        try:
            await world.are("away", NOTICED)
        finally:
            world.relays.cut()
            world.relays.release()

    seen = await world.observe(hold)

    check_losses(seen, backend, unnoticed=NOTICED)
    check_log(seen)
