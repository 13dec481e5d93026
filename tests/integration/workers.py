"""Workers of tests, and the children that run their tasks."""

from pathlib import Path

import redis

from tests.integration.processes import ServiceProcess
from tests.integration.waiting import wait_until


def a_worker(redis_url: str, log: Path, **settings: object) -> ServiceProcess:
    defaults = {
        "redis_url": redis_url,
        "worker_concurrency": 2,
        "io_concurrency": 0,
        "data_dir": log.parent / "state",
    }
    return ServiceProcess("worker", log, **{**defaults, **settings})


def running_child(client: redis.Redis) -> int:
    """The process id of a child that runs a task."""
    (owner,) = wait_until(lambda: client.hkeys("tm:held"))
    return int(owner.rsplit(b":", 1)[1])
