"""Plain Celery: one task that does nothing, acknowledged late, with its result in Redis."""

import os

from celery import Celery

REDIS_URL = os.environ.get("PEER_REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("peer", broker=REDIS_URL, backend=REDIS_URL)


@app.task(acks_late=True)
def nothing() -> None:
    """Do nothing: this task measures the cost of running one."""


def submit(number: int) -> None:
    for _ in range(number):
        nothing.apply_async()
