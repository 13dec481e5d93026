"""Heartbeats in Redis: one sorted set for each role.

It holds the descriptions of processes as JSON, by the time of the last heartbeat.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.replies import execute, milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from application.ports.heartbeats import Heartbeat, Heartbeats, ServiceProcess
from application.skipped_items import SkippedItems

LIFETIME_MS = 15_000
REMEMBERED_MS = 30_000
"""Time for which `recently_alive` still returns a process that is not alive."""


class RedisHeartbeats(Heartbeats):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)
        self._skipped_items = SkippedItems()

    def beat(self, process: ServiceProcess) -> None:
        """Write a heartbeat, also while Redis is full: a silent process would be killed."""
        now = self._write(process)
        with self._store.client() as client:
            client.zremrangebyscore(
                keys.alive(process.role), "-inf", now - LIFETIME_MS - REMEMBERED_MS
            )

    def end(self, process: ServiceProcess) -> None:
        """Date the last heartbeat back, so that only `recently_alive` returns the process."""
        with self._store.client() as client:
            silent = milliseconds(client.time()) - LIFETIME_MS
        self._write(process, silent)

    def alive(self, role: str) -> Sequence[Heartbeat]:
        return self._since(role, LIFETIME_MS)

    def recently_alive(self, role: str) -> Sequence[Heartbeat]:
        return self._since(role, LIFETIME_MS + REMEMBERED_MS)

    def _write(self, process: ServiceProcess, score: int | None = None) -> int:
        """Write a heartbeat, of the present time unless a score is given.

        Returns the present time in milliseconds. A key of the wrong type is deleted: a process
        without heartbeats would be replaced again and again.
        """
        key, effects = keys.alive(process.role), Effects()
        effects.add_to_index(key, _member(process), score)
        [reply] = self._save.run_each([effects])
        if isinstance(reply, Exception):
            self._skipped_items.log_once("write_heartbeat", key.decode(), reply)
            with self._store.client() as client:
                client.delete(key)
            reply = self._save.run(effects)
        return reply.now_ms

    def _since(self, role: str, age_ms: int) -> Sequence[Heartbeat]:
        with self._store.client() as client:
            oldest = milliseconds(client.time()) - age_ms
            pipeline = client.pipeline(transaction=False)
            pipeline.zrange(keys.alive(role), f"({oldest}", "+inf", byscore=True, withscores=True)
            [beats] = execute(pipeline)
        if isinstance(beats, Exception):  # the next heartbeat replaces the key
            self._skipped_items.log_once("read_heartbeats", role, beats)
            return []
        found = [beat for member, at in beats if (beat := self._heartbeat(member, at))]
        return sorted(found, key=lambda beat: beat.process.name)

    def _heartbeat(self, member: bytes, at: float) -> Heartbeat | None:
        """Return None for a damaged entry: it must not make all processes seem dead."""
        try:
            return Heartbeat(process=_process(member), at=datetime.fromtimestamp(at / 1000, UTC))
        except Exception as error:  # whatever is wrong with the bytes
            self._skipped_items.log_once("read_heartbeat", repr(member), error)
            return None


def _member(process: ServiceProcess) -> str:
    return json.dumps(asdict(process), separators=(",", ":"))


def _process(member: bytes) -> ServiceProcess:
    """Raises KeyError, TypeError or ValueError for what does not describe a process."""
    members = json.loads(member)
    process = ServiceProcess(**{**members, "queues": tuple(members["queues"])})
    texts, numbers = (
        (process.role, process.name, process.host, *process.queues),
        (process.pid, process.concurrency),
    )
    if not (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) for number in numbers)
    ):
        raise ValueError("a member has the wrong type")
    return process
