"""Asks Redis whether it is there, whether it is safe, and whether it has room."""

import os
from collections.abc import Sequence
from typing import Any

import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from application.ports.store_probe import StoreProbe

CLOSED_AT = 0.85
FREE_DISK_BYTES = 64 * 2**20
FREE_DISK_SHARE = 0.05
"""The store is closed while less disk is free than the smaller of both."""
RECENT_EVENTS_MS = 10_000
"""Events of so long are kept while memory is full; who follows has read the older ones."""
CLOSED_SECONDS = 3
"""How long the store stays closed without being measured again."""


class RedisStoreProbe(StoreProbe):
    def __init__(self, store: RedisStore, *, on_this_host: bool = False) -> None:
        """`on_this_host`: the server's files are on a disk of this host, which can be measured."""
        self._store = store
        self._on_this_host = on_this_host
        self._save = SaveScript(store)

    def check(self) -> None:
        with self._store.client() as client:
            client.ping()

    def warnings(self) -> Sequence[str]:
        with self._store.client() as client:
            memory, persistence = client.info("memory"), client.info("persistence")
        warnings = []
        if memory["maxmemory_policy"] != "noeviction":
            warnings.append(
                f"maxmemory-policy is {memory['maxmemory_policy']}: Redis may evict tasks. Set it to noeviction."
            )
        if not int(persistence["aof_enabled"]):
            warnings.append("appendonly is no: a restart of Redis forgets tasks. Set it to yes.")
        return warnings

    def guard_capacity(self) -> bool:
        with self._store.client() as client:
            memory = client.info("memory")
            limit = int(memory["maxmemory"])
            memory_is_full = bool(limit) and int(memory["used_memory"]) >= CLOSED_AT * limit
            full = memory_is_full or (self._on_this_host and _disk_is_full(client))
            if full:  # first, since what follows may fail
                effects = Effects()
                effects.set_for(keys.FULL, 1, CLOSED_SECONDS * 1_000)
                self._save.run(effects)
            if memory_is_full:
                _drop_old_events(client)
        return full


def _drop_old_events(client: Any) -> None:
    """Drop up to 10,000 of the oldest events.

    Their number is bounded, their size is not: events alone may fill a small store, and deleting tasks adds to them.
    """
    oldest = milliseconds(client.time()) - RECENT_EVENTS_MS
    for position, _ in client.xrevrange(keys.EVENTS, count=1):  # the last one stays: positions are compared with it
        client.xtrim(keys.EVENTS, minid=min(oldest, int(position.partition(b"-")[0])), approximate=True)


def _disk_is_full(client: Any) -> bool:
    """False also when the folder is not known or not seen from here, as with a server in a container."""
    try:
        disk = os.statvfs(client.config_get("dir")["dir"])
    except (OSError, redis.ResponseError):
        return False
    free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    return free < min(FREE_DISK_BYTES, FREE_DISK_SHARE * size)
