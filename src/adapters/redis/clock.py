"""The store's clock, by which runs are started and leases end."""

from datetime import UTC, datetime

from adapters.redis.store import RedisStore
from adapters.system.clock import SystemClock


class RedisClock(SystemClock):
    """The clock of this machine, except that `now` asks Redis.

    `now` is one round trip, and raises StoreUnavailable.
    """

    def __init__(self, store: RedisStore) -> None:
        super().__init__()
        self._store = store

    def now(self) -> datetime:
        with self._store.client() as client:
            seconds, microseconds = client.time()
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
