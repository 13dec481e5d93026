"""The outbox in Redis: a sorted set of webhooks by the time when they are due.

A webhook is a copy of the final record of a task; write_indexes puts both there. One hash for each
task holds its delivery attempts, and the number of attempts of each webhook.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import outbox_entry, split_entry
from adapters.redis.indexes import WEBHOOK_KEPT_MS
from adapters.redis.records import decode_reply
from adapters.redis.replies import execute, milliseconds
from adapters.redis.save_script import SaveScript, succeeded
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import (
    epoch_milliseconds,
    id_bytes,
    id_text,
    instant,
    require_id_bytes,
)
from application.ports.outbox import LeasedDelivery, Outbox
from application.skipped_items import SkippedItems
from domain.events import Event
from domain.task import Task
from domain.webhook import Delivery, DeliveryAttempt, Webhook, message_id

ATTEMPTS_PREFIX = b"tries:"
"""Prefix of the field that counts the attempts of one webhook; the task's version follows.

The name is historic: stored data has it.
"""
MAX_STALE_BATCHES = 32
"""Batches without a single webhook that one call skips."""
SET_ASIDE_MS = 3_600_000
"""Time for which an unreadable webhook is set aside, so that it does not hold up the others."""


class RedisOutbox(Outbox):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)
        self._skipped_items = SkippedItems()

    def lease(self, *, limit: int, duration: timedelta) -> Sequence[LeasedDelivery]:
        """Lease due webhooks. Batches of entries that are gone or unreadable are skipped."""
        for _ in range(MAX_STALE_BATCHES):
            with self._store.client() as client:
                if not client.exists(keys.OUTBOX):
                    return []
                now = milliseconds(client.time())
                due = client.zrange(
                    keys.OUTBOX, "-inf", now, byscore=True, offset=0, num=limit, withscores=True
                )
            until = now + duration // timedelta(milliseconds=1)
            replies = self._save.run_each([_moved(entry, score, until) for entry, score in due])
            leased = [
                entry for (entry, _), reply in zip(due, replies, strict=True) if succeeded(reply)
            ]
            if (webhooks := self._read(leased, until)) or not leased:
                return [LeasedDelivery(webhook=webhook, lease=until) for webhook in webhooks]
        return []

    def record_attempt(self, delivery: LeasedDelivery, attempt: DeliveryAttempt) -> bool:
        webhook, effects = delivery.webhook, Effects()
        raw = require_id_bytes(webhook.task.task_id)
        entry = outbox_entry(raw, webhook.task.version)
        effects.require_score(keys.OUTBOX, entry, delivery.lease)
        if attempt.next_at:
            effects.add_to_index(keys.OUTBOX, entry, epoch_milliseconds(attempt.next_at))
            effects.expire_in(keys.webhook(entry), WEBHOOK_KEPT_MS)
        else:
            effects.remove_from_index(keys.OUTBOX, entry)
        attempts = str(webhook.failed_attempts + 1).encode()
        effects.set_fields(keys.deliveries(raw), {_attempts_field(entry): attempts})
        effects.append_field(keys.deliveries(raw), WEBHOOK_KEPT_MS, _encode(webhook, attempt))
        return self._save.run(effects).saved

    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        raw = id_bytes(task_id)
        if raw is None:
            return []
        with self._store.client() as client:
            stored = client.hgetall(keys.deliveries(raw))
        numbers = sorted(int(name) for name in stored if name.isdigit())
        return [_decode(task_id, number, stored[b"%d" % number]) for number in numbers]

    def resend(self, task_id: str, number: int) -> bool:
        raw = id_bytes(task_id)
        if raw is None:
            return False
        with self._store.client() as client:
            stored = client.hget(keys.deliveries(raw), number)
            entry = outbox_entry(raw, json.loads(stored)[0]) if stored else b""
            if not stored or not client.exists(keys.webhook(entry)):
                return False
        effects = Effects()
        effects.set_fields(keys.deliveries(raw), {_attempts_field(entry): b"0"})
        effects.add_to_index(keys.OUTBOX, entry)
        effects.expire_in(keys.webhook(entry), WEBHOOK_KEPT_MS)
        self._save.run(effects)
        return True

    def _read(self, entries: Sequence[bytes], lease: int) -> Sequence[Webhook]:
        """Return the webhooks of leased entries, read in one round trip.

        An entry whose copy of the record is gone is removed. An unreadable one is set aside.
        """
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for entry in entries:
                pipeline.hgetall(keys.webhook(entry))
                pipeline.hget(keys.deliveries(split_entry(entry)[0]), _attempts_field(entry))
            replies = execute(pipeline)
        webhooks: list[Webhook] = []
        for entry, record, attempts in zip(entries, replies[::2], replies[1::2], strict=True):
            webhook = _webhook(entry, record, attempts)
            if isinstance(webhook, Webhook):
                webhooks.append(webhook)
            elif webhook:
                self._skipped_items.log_once("read_outbox", id_text(split_entry(entry)[0]), webhook)
                self._save.run(_moved(entry, lease, lease + SET_ASIDE_MS))
            else:
                self._save.run(_removed(entry, lease))
        return webhooks


def _moved(entry: bytes, score: float, until: int) -> Effects:
    effects = Effects()
    effects.require_score(keys.OUTBOX, entry, score)
    effects.add_to_index(keys.OUTBOX, entry, until)
    return effects


def _removed(entry: bytes, score: float) -> Effects:
    effects = Effects()
    effects.require_score(keys.OUTBOX, entry, score)
    effects.remove_from_index(keys.OUTBOX, entry)
    return effects


def _attempts_field(entry: bytes) -> bytes:
    return ATTEMPTS_PREFIX + split_entry(entry)[1]


def _webhook(entry: bytes, record: Any, attempts: Any) -> Webhook | Exception | None:
    """Return the webhook; None when its record is gone, or the error when it is unreadable."""
    task = decode_reply(split_entry(entry)[0], record)
    if isinstance(attempts, Exception):
        return task if isinstance(task, Exception) else attempts
    if not isinstance(task, Task):
        return task
    try:
        return Webhook(task=task, failed_attempts=int(attempts or 0))
    except ValueError as error:
        return error


def _encode(webhook: Webhook, attempt: DeliveryAttempt) -> str:
    next_at = attempt.next_at and epoch_milliseconds(attempt.next_at)
    at, version = epoch_milliseconds(attempt.at), webhook.task.version
    return json.dumps([version, webhook.event, at, attempt.status, attempt.error, next_at])


def _decode(task_id: str, number: int, stored: bytes) -> Delivery:
    version, event, at, status, error, next_at = json.loads(stored)
    return Delivery(
        number=number,
        message_id=message_id(task_id, version),
        event=Event(event),
        attempt=DeliveryAttempt(
            at=instant(at),
            status=status,
            error=error,
            next_at=instant(next_at) if next_at else None,
        ),
    )
