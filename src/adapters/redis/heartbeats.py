"""Heartbeats in Redis: a sorted set per role of how processes describe themselves, by the time of the last one."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from adapters.redis import keys
from adapters.redis.client import RedisStore, milliseconds
from adapters.redis.effects import Effects
from application.ports.heartbeats import Heartbeat, Heartbeats, ServiceProcess

LIFETIME_MS = 15_000
REMEMBERED_MS = 30_000
"""How long a process is remembered after it was alive."""


class RedisHeartbeats(Heartbeats):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = store.script("save")

    def beat(self, process: ServiceProcess) -> None:
        """Also while Redis has no memory left: whoever seems silent is killed."""
        effects = Effects()
        effects.add("index", keys.alive(process.role), _member(process))
        _, now, *_ = self._save(effects.keys, effects.arguments)
        with self._store.client() as client:
            client.zremrangebyscore(keys.alive(process.role), "-inf", now - LIFETIME_MS - REMEMBERED_MS)

    def end(self, process: ServiceProcess) -> None:
        """Make it as old as one that fell silent: it is not alive, but remembered."""
        with self._store.client() as client:
            silent = milliseconds(client.time()) - LIFETIME_MS
        effects = Effects()
        effects.add("index", keys.alive(process.role), _member(process), silent)
        self._save(effects.keys, effects.arguments)

    def alive(self, role: str) -> Sequence[Heartbeat]:
        return self._since(role, LIFETIME_MS)

    def lately(self, role: str) -> Sequence[Heartbeat]:
        return self._since(role, LIFETIME_MS + REMEMBERED_MS)

    def _since(self, role: str, age_ms: int) -> Sequence[Heartbeat]:
        with self._store.client() as client:
            oldest = milliseconds(client.time()) - age_ms
            beats = client.zrange(keys.alive(role), f"({oldest}", "+inf", byscore=True, withscores=True)
        found = [Heartbeat(process=_process(member), at=datetime.fromtimestamp(at / 1000, UTC)) for member, at in beats]
        return sorted(found, key=lambda beat: beat.process.name)


def _member(process: ServiceProcess) -> str:
    return json.dumps(asdict(process), separators=(",", ":"))


def _process(member: bytes) -> ServiceProcess:
    members = json.loads(member)
    return ServiceProcess(**{**members, "queues": tuple(members["queues"])})
