"""The outbox in Redis: a sorted set of messages by the time when they are due, and copies of the records they tell of.

write_indexes puts them there. A hash per task keeps the tries: a field for each, and how often each message was tried.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.client import RedisStore, ScriptCall, milliseconds, replies_of
from adapters.redis.effects import Effects
from adapters.redis.indexes import MESSAGE_KEPT_MS
from adapters.redis.task_codec import decode, epoch_milliseconds, id_bytes, id_text, instant
from application.ports.outbox import LeasedDelivery, Outbox
from application.skipped_items import SkippedItems
from domain.events import Event
from domain.webhook import Delivery, DeliveryAttempt, Webhook, message_id

ID_BYTES = 16
FAILED_ATTEMPTS = b"tries:"
MAX_STALE_BATCHES = 32
"""How many batches without a single message one call goes through."""
REST_MS = 3_600_000
"""How long a message rests that cannot be read, so that it does not come in front of the others again and again."""


class RedisOutbox(Outbox):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = store.script("save")
        self._skipped_items = SkippedItems()

    def lease(self, *, limit: int, duration: timedelta) -> Sequence[LeasedDelivery]:
        """Entries whose message is not kept or cannot be read must not hold up the others: go on behind them."""
        for _ in range(MAX_STALE_BATCHES):
            with self._store.client() as client:
                if not client.exists(keys.OUTBOX):
                    return []
                now = milliseconds(client.time())
                due = client.zrange(keys.OUTBOX, "-inf", now, byscore=True, offset=0, num=limit, withscores=True)
            until = now + duration // timedelta(milliseconds=1)
            calls = [self._moving(entry, score, until) for entry, score in due]
            answers = self._store.pipeline_scripts(calls) if calls else []
            mine = [entry for (entry, _), answer in zip(due, answers, strict=True) if answer[0]]
            if (messages := self._read(mine, until)) or not mine:
                return [LeasedDelivery(webhook=webhook, lease=until) for webhook in messages]
        return []

    def settle(self, delivery: LeasedDelivery, attempt: DeliveryAttempt) -> bool:
        webhook, entry, effects = delivery.webhook, _entry(delivery.webhook), Effects()
        kept = keys.deliveries(entry[:ID_BYTES])
        effects.guard("placed", keys.OUTBOX, entry, delivery.lease)
        if attempt.next_at:
            effects.add("index", keys.OUTBOX, entry, epoch_milliseconds(attempt.next_at))
            effects.add("extend", keys.message(entry), MESSAGE_KEPT_MS)
        else:
            effects.add("unindex", keys.OUTBOX, entry)
        effects.set(kept, {FAILED_ATTEMPTS + entry[ID_BYTES:]: str(webhook.failed_attempts + 1).encode()})
        effects.add("append", kept, MESSAGE_KEPT_MS, _encoded(webhook, attempt))
        return bool(self._call(effects)()[0])

    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        raw = id_bytes(task_id)
        if raw is None:
            return []
        with self._store.client() as client:
            kept = client.hgetall(keys.deliveries(raw))
        numbers = sorted(int(name) for name in kept if name.isdigit())
        return [_decoded(task_id, number, kept[b"%d" % number]) for number in numbers]

    def resend(self, task_id: str, number: int) -> bool:
        raw = id_bytes(task_id)
        if raw is None:
            return False
        with self._store.client() as client:
            kept = client.hget(keys.deliveries(raw), number)
            entry = keys.outbox_entry(raw, json.loads(kept)[0]) if kept else b""
            if not kept or not client.exists(keys.message(entry)):
                return False
        effects = Effects()
        effects.set(keys.deliveries(raw), {FAILED_ATTEMPTS + entry[ID_BYTES:]: b"0"})
        effects.add("index", keys.OUTBOX, entry)
        effects.add("extend", keys.message(entry), MESSAGE_KEPT_MS)
        self._call(effects)()
        return True

    def _moving(self, entry: bytes, score: float, until: int) -> ScriptCall:
        effects = Effects()
        effects.guard("placed", keys.OUTBOX, entry, score)
        effects.add("index", keys.OUTBOX, entry, until)
        return self._call(effects)

    def _read(self, entries: Sequence[bytes], lease: int) -> Sequence[Webhook]:
        """In one round trip. A message that is no longer kept leaves the outbox.

        One that cannot be read rests for an hour.
        """
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for entry in entries:
                pipeline.hgetall(keys.message(entry))
                pipeline.hget(keys.deliveries(entry[:ID_BYTES]), FAILED_ATTEMPTS + entry[ID_BYTES:])
            answers = replies_of(pipeline)
        messages: list[Webhook] = []
        for entry, record, failed in zip(entries, answers[::2], answers[1::2], strict=True):
            message = _message(entry, record, failed)
            if isinstance(message, Webhook):
                messages.append(message)
            elif message:
                self._skipped_items.tell("read_outbox", id_text(entry[:ID_BYTES]), message)
                self._moving(entry, lease, lease + REST_MS)()
            else:
                self._drop(entry, lease)
        return messages

    def _drop(self, entry: bytes, lease: int) -> None:
        effects = Effects()
        effects.guard("placed", keys.OUTBOX, entry, lease)
        effects.add("unindex", keys.OUTBOX, entry)
        self._call(effects)()

    def _call(self, effects: Effects) -> ScriptCall:
        return self._save.call(effects.keys, effects.arguments)


def _message(entry: bytes, record: Any, failed: Any) -> Webhook | Exception | None:
    """Return the message, None when it is no longer kept, or why it cannot be read."""
    if damage := next((reply for reply in (record, failed) if isinstance(reply, Exception)), None):
        return damage
    try:
        return Webhook(task=decode(entry[:ID_BYTES], record), failed_attempts=int(failed or 0)) if record else None
    except Exception as error:  # whatever is wrong with the bytes, the other messages are delivered
        return error


def _entry(message: Webhook) -> bytes:
    raw = id_bytes(message.task.task_id)
    if raw is None:
        raise ValueError("a message is of a task with an id")
    return keys.outbox_entry(raw, message.task.version)


def _encoded(webhook: Webhook, attempt: DeliveryAttempt) -> str:
    next_at = attempt.next_at and epoch_milliseconds(attempt.next_at)
    stored = [
        webhook.task.version,
        webhook.event,
        epoch_milliseconds(attempt.at),
        attempt.status,
        attempt.error,
        next_at,
    ]
    return json.dumps(stored)


def _decoded(task_id: str, number: int, stored: bytes) -> Delivery:
    version, event, at, status, error, next_at = json.loads(stored)
    return Delivery(
        number=number,
        message_id=message_id(task_id, version),
        event=Event(event),
        attempt=DeliveryAttempt(
            at=instant(at), status=status, error=error, next_at=instant(next_at) if next_at else None
        ),
    )
