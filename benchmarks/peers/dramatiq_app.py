"""Dramatiq: messages are acknowledged when the task has ended; results are not kept."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["PEER_REDIS_URL"]))


@dramatiq.actor
def nothing() -> None:
    """Do nothing."""


def submit(number: int) -> None:
    for _ in range(number):
        nothing.send()
