"""What RabbitMQ may do besides: fill up, and let nobody in any more."""

from __future__ import annotations

import asyncio

import pytest

from .brokers.rabbitmq import RabbitMQ
from .worlds import NOTICED, World, check_log, check_losses

HIGH_WATERMARK = "0.4"
"""Part of the machine's memory from which RabbitMQ reads no more publishes; its own default."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module", params=["asyncio", "sync"])
def backend(request: pytest.FixtureRequest) -> tuple[str, str]:
    return "rabbitmq", request.param


async def control(world: World, *arguments: str) -> None:
    assert isinstance(world.broker, RabbitMQ)
    await asyncio.to_thread(world.broker.control, *arguments)


async def test_its_memory_is_full_for_a_while(world: World) -> None:
    async def fill_up() -> None:
        await control(world, "set_vm_memory_high_watermark", "absolute", "1")
        try:
            await world.are("away", NOTICED)
            await asyncio.sleep(2)
        finally:
            await control(world, "set_vm_memory_high_watermark", HIGH_WATERMARK)

    seen = await world.observe(fill_up)

    # what it has not confirmed in time was not lost: it is read when there is space again
    assert seen.lost == [set(), set()]
    assert all(seen.count(node, "Cannot publish") == 1 for node in range(3))
    check_log(seen)


async def test_the_password_is_not_valid_for_a_while(
    world: World, backend: tuple[str, str]
) -> None:
    async def lock_out() -> None:
        await control(world, "change_password", "guest", "another")
        try:
            world.relays.cut()
            await world.are("away", NOTICED)
            await asyncio.sleep(2)
        finally:
            await control(world, "change_password", "guest", "guest")

    seen = await world.observe(lock_out)

    check_losses(seen, backend)
    check_log(seen)
