"""Facts about Redis: whether it replies, its settings, its memory and its disk."""

import os
from datetime import timedelta
from typing import Any

import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from application.ports.store_probe import StoreCapacity, StoreProbe, StoreSettings


class RedisStoreProbe(StoreProbe):
    def __init__(self, store: RedisStore, *, on_this_host: bool = False) -> None:
        """`on_this_host`: the server's files are on a disk of this host, which can be measured."""
        self._store = store
        self._on_this_host = on_this_host
        self._save = SaveScript(store)

    def check(self) -> None:
        with self._store.client() as client:
            client.ping()

    def settings(self) -> StoreSettings:
        with self._store.client() as client:
            memory, persistence = client.info("memory"), client.info("persistence")
        return StoreSettings(
            eviction_policy=memory["maxmemory_policy"],
            is_persistent=bool(int(persistence["aof_enabled"])),
        )

    def capacity(self) -> StoreCapacity:
        with self._store.client() as client:
            memory = client.info("memory")
            free, size = _disk(client) if self._on_this_host else (None, None)
        return StoreCapacity(
            used_memory=int(memory["used_memory"]),
            max_memory=int(memory["maxmemory"]),
            free_disk=free,
            disk_size=size,
        )

    def refuse_new_tasks(self, duration: timedelta) -> None:
        effects = Effects()
        effects.set_for(keys.FULL, 1, duration // timedelta(milliseconds=1))
        self._save.run(effects)

    def drop_old_events(self, keep: timedelta) -> None:
        with self._store.client() as client:
            oldest = milliseconds(client.time()) - keep // timedelta(milliseconds=1)
            # The last event stays: followers compare their positions with it.
            for position, _ in client.xrevrange(keys.EVENTS, count=1):
                last = int(position.partition(b"-")[0])
                client.xtrim(keys.EVENTS, minid=min(oldest, last), approximate=True)


def _disk(client: Any) -> tuple[int, int] | tuple[None, None]:
    """Return the free bytes and the size of the disk of the server's files.

    The folder may be unknown or not visible from here, as with a server in a container.
    """
    try:
        disk = os.statvfs(client.config_get("dir")["dir"])
    except (OSError, redis.ResponseError):
        return None, None
    return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
