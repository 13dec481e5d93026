"""Idempotency records in Redis: one string for each, and a sorted set of all of them by age.

RedisTaskRepository.add writes them.
"""

from collections.abc import Sequence
from datetime import timedelta

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import task_ids_of
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from application.ports.idempotency_records import IdempotencyRecords, StoredIdempotencyRecord


class RedisIdempotencyRecords(IdempotencyRecords):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)

    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredIdempotencyRecord]:
        with self._store.client() as client:
            latest = milliseconds(client.time()) - age // timedelta(milliseconds=1)
            entries = client.zrange(
                keys.IDEMPOTENCY_RECORDS,
                "-inf",
                latest,
                byscore=True,
                offset=0,
                num=limit,
                withscores=True,
            )
            values = client.mget([name for name, _ in entries]) if entries else []
        return [
            StoredIdempotencyRecord(
                name=name.hex(), task_ids=task_ids_of(value or b""), moment=score
            )
            for (name, score), value in zip(entries, values, strict=True)
        ]

    def renew(self, record: StoredIdempotencyRecord) -> None:
        """Renew the record, also while Redis is full: pruning frees memory."""
        effects, name = Effects(), bytes.fromhex(record.name)
        effects.require_member(keys.IDEMPOTENCY_RECORDS, name)
        effects.add_to_index(keys.IDEMPOTENCY_RECORDS, name)
        self._save.run(effects)

    def forget(self, record: StoredIdempotencyRecord) -> None:
        effects, name = Effects(), bytes.fromhex(record.name)
        effects.require_score(keys.IDEMPOTENCY_RECORDS, name, record.moment)
        effects.delete(name)
        effects.remove_from_index(keys.IDEMPOTENCY_RECORDS, name)
        self._save.run(effects)
