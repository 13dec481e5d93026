"""arq: a job is removed when it has ended; results are kept."""

import asyncio
import os
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings


async def nothing(_: dict[Any, Any]) -> None:
    """Do nothing."""


class WorkerSettings:
    """Defaults but for two: they poll every 0.5 s for 10 jobs, which would measure the timer."""

    functions = [nothing]  # noqa: RUF012  # arq reads it as it is
    redis_settings = RedisSettings.from_dsn(os.environ["PEER_REDIS_URL"])
    poll_delay = 0.01
    max_jobs = 100


def submit(number: int) -> None:
    asyncio.run(_submit(number))


async def _submit(number: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for _ in range(number):
        await pool.enqueue_job("nothing")
    await pool.aclose()
