"""taskiq: a stream of Redis with acknowledgements; results are kept."""

import asyncio
import os

from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

REDIS_URL = os.environ["PEER_REDIS_URL"]

broker = RedisStreamBroker(REDIS_URL).with_result_backend(RedisAsyncResultBackend(REDIS_URL))


@broker.task
async def nothing() -> None:
    """Do nothing."""


def submit(number: int) -> None:
    asyncio.run(_submit(number))


async def _submit(number: int) -> None:
    await broker.startup()
    for _ in range(number):
        await nothing.kiq()
    await broker.shutdown()
