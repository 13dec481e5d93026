"""The outbox in Redis: a sorted set of webhooks by the time when they are due.

A webhook is a copy of the final record of a task; write_indexes puts both there. One hash for each
task holds its delivery attempts, and the number of attempts of each webhook.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import outbox_entry, split_entry
from adapters.redis.id_codec import id_bytes, id_text, require_id_bytes
from adapters.redis.indexes import WEBHOOK_KEPT_MS
from adapters.redis.records import decode_reply
from adapters.redis.replies import execute, milliseconds
from adapters.redis.save_script import SaveScript, succeeded
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import (
    LAYOUT,
    LONG_BYTES,
    MEMBERS,
    OMITTABLE,
    OMITTED,
    epoch_milliseconds,
    instant,
)
from application.ports.delivery_log import MAX_LOGGED
from application.ports.outbox import MAX_BYTES, LeasedDelivery, Outbox
from application.ports.statistics import Occurrence
from application.skipped_items import SkippedItems
from domain.events import Event
from domain.task import Task
from domain.web_url import host_of
from domain.webhook import Delivery, DeliveryAttempt, DeliveryOutcome, Webhook, message_id

ATTEMPTS_PREFIX = b"tries:"
"""Prefix of the field that counts the attempts of one webhook; the task's version follows.

The name is historic: stored data has it.
"""
SHORT_FIELDS = [LAYOUT, *(name for name in MEMBERS if name not in OMITTABLE)]
MIN_LOOK = 100
"""Number of due webhooks among which those without a long payload or result are found, while there
is no room for others."""
MAX_STALE_BATCHES = 32
"""Batches without a single webhook that one call skips."""
SET_ASIDE_MS = 3_600_000
"""Time for which an unreadable webhook is set aside, so that it does not hold up the others."""

OCCURRENCES = {
    DeliveryOutcome.DELIVERED: Occurrence.CALLBACK_DELIVERED,
    DeliveryOutcome.TO_BE_RETRIED: Occurrence.CALLBACK_RETRIED,
    DeliveryOutcome.GIVEN_UP: Occurrence.CALLBACK_GIVEN_UP,
}
Due = tuple[bytes, float]
"""An entry and its score."""


class RedisOutbox(Outbox):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)
        self._skipped_items = SkippedItems()

    def lease(
        self, *, limit: int, duration: timedelta, room: int = MAX_BYTES
    ) -> Sequence[LeasedDelivery]:
        """Lease due webhooks. Batches of entries that are gone or unreadable are skipped."""
        number = limit if room >= MAX_BYTES else max(limit, MIN_LOOK)
        for _ in range(MAX_STALE_BATCHES):
            with self._store.client() as client:
                if not client.exists(keys.OUTBOX):
                    return []
                now = milliseconds(client.time())
                due = client.zrange(
                    keys.OUTBOX, "-inf", now, byscore=True, offset=0, num=number, withscores=True
                )
            until = now + duration // timedelta(milliseconds=1)
            found, repairs = self._read(due, until)
            chosen = _fitting(found, limit, room)
            replies = self._save.run_each(
                [*(_moved(entry, score, until) for (entry, score), _ in chosen), *repairs]
            )
            leased = [
                delivery
                for (_, delivery), reply in zip(chosen, replies[: len(chosen)], strict=True)
                if succeeded(reply)
            ]
            if leased or not repairs:
                return leased
        return []

    def whole(self, delivery: LeasedDelivery) -> Webhook | None:
        webhook = delivery.webhook
        if not webhook.task.omitted:
            return webhook
        raw = require_id_bytes(webhook.task.task_id)
        entry = outbox_entry(raw, webhook.task.version)
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.hgetall(keys.webhook(entry))
            task = decode_reply(raw, *execute(pipeline))
        if isinstance(task, Task):
            return replace(webhook, task=task)
        self._save.run(self._repair(entry, delivery.lease, task, delivery.lease))
        return None

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
        effects.append_delivery(
            keys.deliveries(raw),
            WEBHOOK_KEPT_MS,
            _encode(webhook, attempt),
            stream=keys.DELIVERY_LOG,
            length=MAX_LOGGED,
            member=raw,
            host=host_of(webhook.task.spec.callback_url or ""),
        )
        effects.count(keys.TOTALS, OCCURRENCES[attempt.outcome])
        return self._save.run(effects).saved

    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        raw = id_bytes(task_id)
        if raw is None:
            return []
        with self._store.client() as client:
            stored = client.hgetall(keys.deliveries(raw))
        numbers = sorted(int(name) for name in stored if name.isdigit())
        return [decode_delivery(task_id, number, stored[b"%d" % number]) for number in numbers]

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

    def _read(
        self, due: Sequence[Due], until: int
    ) -> tuple[list[tuple[Due, LeasedDelivery]], list[Effects]]:
        """Return the deliveries of entries, read in one round trip, and the repairs of the others.

        Payloads and results stay in Redis; only their lengths are read.
        """
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for entry, _ in due:
                pipeline.hmget(keys.webhook(entry), SHORT_FIELDS)
                for field in OMITTABLE:
                    pipeline.hstrlen(keys.webhook(entry), field)
                pipeline.hget(keys.deliveries(split_entry(entry)[0]), _attempts_field(entry))
            replies = iter(execute(pipeline))
        found: list[tuple[Due, LeasedDelivery]] = []
        repairs = []
        for entry, score in due:
            values, *lengths, attempts = islice(replies, len(OMITTABLE) + 2)
            webhook = _webhook(entry, values, lengths, attempts)
            if isinstance(webhook, Webhook):
                size = min(sum(length for length in lengths if length > LONG_BYTES), MAX_BYTES)
                found.append(
                    ((entry, score), LeasedDelivery(webhook=webhook, size=size, lease=until))
                )
            else:
                repairs.append(self._repair(entry, score, webhook, until))
        return found, repairs

    def _repair(self, entry: bytes, score: float, error: Exception | None, until: int) -> Effects:
        """Return how to remove an entry whose copy of the record is gone, or how to set aside an
        unreadable one.
        """
        if error is None:
            return _removed(entry, score)
        self._skipped_items.log_once("read_outbox", id_text(split_entry(entry)[0]), error)
        return _moved(entry, score, until + SET_ASIDE_MS)


def _fitting(
    found: Sequence[tuple[Due, LeasedDelivery]], limit: int, room: int
) -> Sequence[tuple[Due, LeasedDelivery]]:
    """Return the deliveries to lease. Behind one without room, only those of size 0 follow."""
    fitting = []
    for due, delivery in found:
        if delivery.size > room:
            room = 0
        else:
            room -= delivery.size
            fitting.append((due, delivery))
    return fitting[:limit]


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


def _webhook(
    entry: bytes, values: Any, lengths: Sequence[Any], attempts: Any
) -> Webhook | Exception | None:
    """Return the webhook; None when its record is gone, or the error when it is unreadable.

    `lengths` are those of the OMITTABLE fields.
    """
    if error := next((each for each in (values, *lengths) if isinstance(each, Exception)), None):
        return error
    record = {
        name: value for name, value in zip(SHORT_FIELDS, values, strict=True) if value is not None
    }
    omitted = b"".join(name for name, length in zip(OMITTABLE, lengths, strict=True) if length)
    if record and omitted:
        record[OMITTED] = omitted
    task = decode_reply(split_entry(entry)[0], record)
    if not isinstance(task, Task):
        return task
    if isinstance(attempts, Exception):
        return attempts
    try:
        return Webhook(task=task, failed_attempts=int(attempts or 0))
    except ValueError as error:
        return error


def _encode(webhook: Webhook, attempt: DeliveryAttempt) -> str:
    next_at = attempt.next_at and epoch_milliseconds(attempt.next_at)
    at, version = epoch_milliseconds(attempt.at), webhook.task.version
    return json.dumps([version, webhook.event, at, attempt.status, attempt.error, next_at])


def decode_delivery(task_id: str, number: int, stored: bytes) -> Delivery:
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
