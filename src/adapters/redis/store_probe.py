"""Asks Redis whether it is there."""

from adapters.redis.client import RedisStore
from application.ports.store_probe import StoreProbe


class RedisStoreProbe(StoreProbe):
    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def check(self) -> None:
        with self._store.client() as client:
            client.ping()
