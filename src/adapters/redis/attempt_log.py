"""The runs of a task that ended: a list of JSON texts, each with the time of its end behind it."""

import json
from collections.abc import Sequence
from typing import Any

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import TIME_DIGITS
from adapters.redis.exchange import packed
from adapters.redis.id_codec import id_bytes
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import epoch_milliseconds, instant
from application.ports.attempt_log import MAX_ENTRIES, AttemptLog, Requeued
from application.skipped_items import SkippedItems
from domain.attempt import Attempt, AttemptOutcome, is_told_by_task
from domain.task import Task
from domain.task_error import TaskError

REQUEUED = b"[]"
"""The entry of a caller's retry."""
AT_ONCE = 0
"""The task could run again when the run had ended."""

_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class RedisAttemptLog(AttemptLog):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._skipped_items = SkippedItems()

    def entries(self, task_id: str) -> Sequence[Attempt | Requeued]:
        if id_bytes(task_id) is None:
            return []
        [stored] = self._store.pipeline([packed("LRANGE", keys.attempts(task_id), 0, -1)])
        if isinstance(stored, Exception):
            self._skipped_items.log_once("read_attempts", task_id, stored)
            return []
        decoded = (self._decoded(task_id, entry) for entry in stored)
        return [entry for entry in decoded if entry is not None]

    def _decoded(self, task_id: str, entry: bytes) -> Attempt | Requeued | None:
        try:
            return _decode(entry)
        except Exception as error:  # whatever is wrong with it, the others can be read
            self._skipped_items.log_once("read_attempts", task_id, error)
            return None


def add_attempt(effects: Effects, before: Task, after: Task) -> None:
    """Store the run that this change ends, or that a caller queues the task again."""
    if before.owner and not after.owner:
        if not is_told_by_task(before, after):
            effects.append_dated(keys.attempts(after.task_id), MAX_ENTRIES, _encode(before, after))
    elif before.status.is_final and after.status.is_waiting:
        effects.append_dated(keys.attempts(after.task_id), MAX_ENTRIES, REQUEUED)


def _encode(run: Task, after: Task) -> bytes:
    started_at = run.started_at or run.submitted_at
    attempt = Attempt.of_run(run, after, after.finished_at or started_at)
    next_at: int | None = None
    if after.status.is_waiting:
        next_at = epoch_milliseconds(after.due_at) if after.due_at else AT_ONCE
    error = attempt.error
    members: list[Any] = [
        attempt.number,
        attempt.outcome,
        epoch_milliseconds(started_at),
        attempt.owner,
        next_at,
        error and error.code,
        error and error.message,
    ]
    return _json(members).encode()


def _decode(entry: bytes) -> Attempt | Requeued:
    ended_at = instant(int(entry[-TIME_DIGITS:]))
    text = entry[:-TIME_DIGITS]
    if text == REQUEUED:
        return Requeued(ended_at)
    number, outcome, started, owner, next_at, code, message = json.loads(text)
    if next_at is not None:
        next_at = ended_at if next_at == AT_ONCE else instant(next_at)
    return Attempt(
        number=int(number),
        outcome=AttemptOutcome(outcome),
        started_at=instant(started),
        ended_at=ended_at,
        owner=owner and str(owner),
        error=TaskError(code=str(code), message=str(message)) if code else None,
        next_at=next_at,
    )
