"""The effects of restoring an archived task: its record, its lists and what indexes them.

The times come from the archive. In other changes, save.lua sets them.
"""

from collections.abc import Container, Mapping

from adapters.redis import keys
from adapters.redis.attempt_log import add_attempt
from adapters.redis.effects import Effects
from adapters.redis.entries import finished_entry, outbox_entry
from adapters.redis.history_codec import encode_actor
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.indexes import (
    PRIORITY_STEP,
    add_webhook,
    filter_indexes,
    priority_base,
    require_room,
)
from adapters.redis.lanes import lane_of
from adapters.redis.stored_task import StoredTask, exact
from adapters.redis.task_codec import RANK, SECRETS, encode_changes, epoch_milliseconds
from adapters.redis.task_history import add_history
from domain.actor import MAINTENANCE
from domain.events import Event, event_of
from domain.status import Status
from domain.task import Task


class RestoreEffects:
    def __init__(self, events_kept: int, max_queues: int, own_queues: Container[str]) -> None:
        self._events_kept = events_kept
        self._max_queues = max_queues
        self._own_queues = own_queues

    def of(self, stored: StoredTask, before: Task, after: Task) -> Effects:
        """Return the effects of adding the task. `before` is what the archive holds of it.

        Raises ValueError for a running task, and for one that would damage others.
        """
        if after.status is Status.PROCESSING:
            raise ValueError("a running task cannot be restored as such")
        if before.omitted:
            raise ValueError("the archive lacks the payload or the result")
        for number in (after.version, after.attempt, *before.crashed_fencing_tokens):
            exact(number)
        effects, raw, record = (
            Effects(),
            require_id_bytes(after.task_id),
            keys.record(after.task_id),
        )
        effects.needs_memory = True
        effects.require_version(record, None)
        effects.require_absent(keys.FULL)
        require_room(effects, [(None, after)], self._max_queues, self._own_queues)
        fields = _fields(stored, before, after)
        effects.set_fields(record, fields)
        _add_lists(effects, stored, after.task_id)
        if before is not after:
            add_attempt(effects, before, after)
            add_history(effects, before, after, encode_actor(MAINTENANCE))
            add_webhook(effects, raw, before, after)
        if after.fencing_token:  # each claim has a greater one than those before
            effects.raise_counter(keys.CLAIMS, exact(after.fencing_token))
        _index(effects, raw, after)
        _add_webhooks(effects, raw, stored, fields)
        event = event_of(None, after) if after.status.is_waiting else Event.UPDATED
        effects.append_event(keys.EVENTS, record, self._events_kept, event, raw)
        return effects


def _fields(stored: StoredTask, before: Task, after: Task) -> Mapping[bytes, bytes]:
    """Return the record. A place in a queue is not kept: it counts from another sequence."""
    changed, gone = encode_changes(before, after)
    fields = {**stored.record, **changed}
    return {name: value for name, value in fields.items() if name not in {RANK, *gone}}


def _add_lists(effects: Effects, stored: StoredTask, task_id: str) -> None:
    lists = (
        (keys.attempts(task_id), stored.attempts),
        (keys.log(task_id), stored.log),
        (keys.history(task_id), stored.history),
    )
    for key, entries in lists:
        effects.delete(key)
        for entry in entries:
            effects.push(key, entry)
    deliveries = keys.deliveries(require_id_bytes(task_id))
    effects.delete(deliveries)
    if stored.deliveries:
        effects.set_fields(deliveries, stored.deliveries)
        effects.expire_in(deliveries, stored.deliveries_ms)


def _index(effects: Effects, raw: bytes, task: Task) -> None:
    submitted = epoch_milliseconds(task.submitted_at)
    for index in (keys.SUBMITTED, *filter_indexes(task, None)):
        effects.add_to_index(index, raw, submitted)
    effects.add_to_set(keys.TYPES, task.spec.type)
    effects.add_to_set(keys.QUEUES, task.spec.queue)
    if entry := finished_entry(task):
        effects.push(keys.FINISHED, entry)
    if task.due_at:
        effects.add_to_index(keys.SCHEDULED, raw, epoch_milliseconds(task.due_at))
        effects.add_to_field(keys.SCHEDULED_BY_QUEUE, task.spec.queue, 1)
    if task.status.is_waiting and task.spec.expires_at:
        effects.add_to_index(keys.EXPIRING, raw, epoch_milliseconds(task.spec.expires_at))
    if task.status is Status.QUEUED:
        waiting, record = keys.waiting(lane_of(task.spec)), keys.record(task.task_id)
        base = priority_base(task.spec.priority)
        effects.enqueue(waiting, record, keys.SEQUENCE, raw, base, PRIORITY_STEP)
        effects.add_to_set(keys.WAITING_QUEUES, lane_of(task.spec))  # maintenance wakes workers


def _add_webhooks(
    effects: Effects, raw: bytes, stored: StoredTask, fields: Mapping[bytes, bytes]
) -> None:
    for webhook in stored.webhooks:
        entry = outbox_entry(raw, webhook.version)
        effects.delete(keys.webhook(entry))
        copy = webhook.record or fields
        effects.set_fields(
            keys.webhook(entry), {name: copy[name] for name in copy if name != SECRETS}
        )
        effects.expire_in(keys.webhook(entry), webhook.kept_ms)
        if webhook.due_ms is not None:
            effects.add_to_index(keys.OUTBOX, entry, webhook.due_ms)
