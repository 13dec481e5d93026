"""RQ: the worker forks for each job; results are kept."""

import os

from redis import Redis
from rq import Queue


def nothing() -> None:
    """Do nothing."""


def submit(number: int) -> None:
    queue = Queue("default", connection=Redis.from_url(os.environ["PEER_REDIS_URL"]))
    for _ in range(number):
        queue.enqueue(nothing)
