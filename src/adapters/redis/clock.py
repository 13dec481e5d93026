"""The store's clock, by which runs are started and leases end."""

import time
from datetime import UTC, datetime

from adapters.redis.client import RedisStore
from application.ports.clock import Clock


class RedisClock(Clock):
    """Each look at it is a round trip. `now` raises StoreUnavailable."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def now(self) -> datetime:
        with self._store.client() as client:
            seconds, microseconds = client.time()
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
