"""Asks Redis whether it is there, whether it is safe, and whether it has room."""

from collections.abc import Sequence

from adapters.redis import keys
from adapters.redis.client import RedisStore
from application.ports.store_probe import StoreProbe

CLOSED_AT = 0.85
CLOSED_SECONDS = 3
"""How long the store stays closed without being measured again."""


class RedisStoreProbe(StoreProbe):
    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def check(self) -> None:
        with self._store.client() as client:
            client.ping()

    def hazards(self) -> Sequence[str]:
        with self._store.client() as client:
            memory, persistence = client.info("memory"), client.info("persistence")
        hazards = []
        if memory["maxmemory_policy"] != "noeviction":
            hazards.append(
                f"maxmemory-policy is {memory['maxmemory_policy']}: Redis may evict tasks. Set it to noeviction."
            )
        if not int(persistence["aof_enabled"]):
            hazards.append("appendonly is no: a restart of Redis forgets tasks. Set it to yes.")
        return hazards

    def guard_capacity(self) -> bool:
        with self._store.client() as client:
            memory = client.info("memory")
            limit = int(memory["maxmemory"])
            full = bool(limit) and int(memory["used_memory"]) >= CLOSED_AT * limit
            if full:
                client.set(keys.FULL, 1, ex=CLOSED_SECONDS)
        return full
