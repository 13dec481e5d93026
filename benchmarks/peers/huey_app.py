"""Huey: a message is removed when a process takes it; results are kept."""

import os

from huey import RedisHuey

huey = RedisHuey("peer", url=os.environ["PEER_REDIS_URL"])


@huey.task()
def nothing() -> bool:
    """Do nothing. Huey keeps no result that is None."""
    return True


def submit(number: int) -> None:
    for _ in range(number):
        nothing()
