"""Receipts in Redis: a string each, and a sorted set of all of them by age. RedisTaskRepository.add writes them."""

from collections.abc import Sequence
from datetime import timedelta

from adapters.redis import keys
from adapters.redis.client import RedisStore, milliseconds
from adapters.redis.task_repository import FINGERPRINT_BYTES, TIME_DIGITS, ids_of
from application.ports.receipts import Receipts, StoredReceipt


class RedisReceipts(Receipts):
    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredReceipt]:
        with self._store.client() as client:
            latest = milliseconds(client.time()) - age // timedelta(milliseconds=1)
            names = client.zrange(keys.RECEIPTS, "-inf", latest, byscore=True, offset=0, num=limit)
            values = client.mget(names) if names else []
        return [
            StoredReceipt(name=name.hex(), task_ids=ids_of((value or b"")[FINGERPRINT_BYTES:-TIME_DIGITS]))
            for name, value in zip(names, values, strict=True)
        ]

    def keep(self, receipt: StoredReceipt) -> None:
        with self._store.client() as client:
            client.zadd(keys.RECEIPTS, {bytes.fromhex(receipt.name): milliseconds(client.time())}, xx=True)

    def forget(self, receipt: StoredReceipt) -> None:
        name = bytes.fromhex(receipt.name)
        with self._store.client() as client:
            pipeline = client.pipeline()
            pipeline.delete(name)
            pipeline.zrem(keys.RECEIPTS, name)
            pipeline.execute()
