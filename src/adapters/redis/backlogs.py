"""The backlogs of maintenance: indexes by time, and the list of final tasks.

An entry must never end or hold up a sweep. Entries of tasks that have left the backlog are removed,
entries of unreadable tasks are set aside.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import finished_at, finished_entry, split_entry
from adapters.redis.id_codec import id_text, stored_bytes
from adapters.redis.records import TaskRecords
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from application.ports.task_repository import Backlog
from application.skipped_items import SkippedItems
from domain.task import Task

BACKLOGS: Mapping[Backlog, tuple[bytes, Callable[[Task], bool]]] = {
    Backlog.DUE: (keys.SCHEDULED, lambda task: task.due_at is not None),
    Backlog.EXPIRING: (
        keys.EXPIRING,
        lambda task: task.status.is_waiting and task.spec.expires_at is not None,
    ),
    Backlog.LOST: (keys.LEASES, lambda task: task.owner is not None),
    Backlog.DISCARDED: (keys.DISCARDED, lambda task: task.discarded and task.status.is_final),
}
"""The sorted set of each backlog, and the rule for which tasks belong to it.

PAST_RETENTION is a list instead.
"""
SET_ASIDE_MS = 60_000
"""Short, since damage to many tasks at once may be repaired soon."""
MAX_STALE_BATCHES = 4
"""Batches without a single task that one call skips."""


class RedisBacklogs:
    def __init__(self, store: RedisStore, records: TaskRecords) -> None:
        self._store = store
        self._records = records
        self._save = SaveScript(store)
        self._skipped_items = SkippedItems()

    def past(self, backlog: Backlog, limit: int, now: int | None = None) -> Sequence[Task]:
        """Return tasks of a backlog whose time has come by the store's clock.

        `now` is a time of that clock in milliseconds, which is read by default.

        After too many entries of tasks that have left or are unreadable, it returns nothing,
        although more may follow. The caller asks again.
        """
        index, belongs = BACKLOGS[backlog]
        for _ in range(MAX_STALE_BATCHES):
            with self._store.client() as client:
                if not client.exists(index):
                    return []
                now = milliseconds(client.time()) if now is None else now
                entries = client.zrange(
                    index, "-inf", now, byscore=True, offset=0, num=limit, withscores=True
                )
            found = self._records.short_each([raw for raw, _ in entries])
            tasks, repairs = [], []
            for (raw, score), task in zip(entries, found, strict=True):
                if isinstance(task, Task) and belongs(task):
                    tasks.append(task)
                elif isinstance(task, Exception):
                    self._skipped_items.log_once(f"read_{backlog}", id_text(raw), task)
                    repairs.append(_postponing(index, raw, score, now + SET_ASIDE_MS))
                else:
                    repairs.append(_leaving(index, raw, task))
            self._save.run_each(repairs)
            if tasks or not entries:
                return tasks
        return []

    def past_retention(self, retention: timedelta, limit: int) -> Sequence[Task]:
        """Return final tasks that finished longer ago than `retention`, oldest first.

        Entries of tasks that were deleted or retried since are removed. Entries of the future, left
        by a clock that stepped back, go behind all others: they must not hold up the rest. After
        too many of both it returns nothing, and the caller asks again.
        """
        for _ in range(MAX_STALE_BATCHES):
            with self._store.client() as client:
                now = milliseconds(client.time())
                due = now - retention // timedelta(milliseconds=1)
                first = client.lrange(keys.FINISHED, 0, 0)
                if not first or due < finished_at(first[0]) <= now:
                    return []
                entries = client.lrange(keys.FINISHED, 0, limit - 1)
            if tasks := self._past_retention(entries, due, now):
                return tasks
        return []

    def _past_retention(self, entries: Sequence[bytes], due: int, now: int) -> Sequence[Task]:
        """Return the tasks of entries up to `due`, and take the others out of the way."""
        old = [entry for entry in entries if finished_at(entry) <= due]
        ahead = [entry for entry in entries if finished_at(entry) > now]
        found = self._records.short_each([split_entry(entry)[0] for entry in old])
        tasks, repairs = [], [_to_the_end(entry) for entry in ahead]
        for entry, task in zip(old, found, strict=True):
            if isinstance(task, Task) and finished_entry(task) == entry:
                tasks.append(task)
            elif isinstance(task, Exception):
                self._skipped_items.log_once(
                    f"read_{Backlog.PAST_RETENTION}", id_text(split_entry(entry)[0]), task
                )
                repairs.append(_to_the_end(entry))
            else:
                repairs.append(_dropped(entry))
        self._save.run_each(repairs)
        return tasks

    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        with self._store.client() as client:
            until = milliseconds(client.time()) + SET_ASIDE_MS
        self._save.run_each([_setting_aside(backlog, task, until) for task in tasks])


def _dropped(entry: bytes) -> Effects:
    """Remove an entry of FINISHED unless another process has.

    A search for an entry that is gone would read the whole list, which may have millions.
    """
    effects = Effects()
    effects.require_near_front(keys.FINISHED, entry)
    effects.remove_from_list(keys.FINISHED, entry)
    return effects


def _to_the_end(entry: bytes) -> Effects:
    """Put an entry of FINISHED behind all others, which then come first."""
    effects = _dropped(entry)
    effects.push(keys.FINISHED, entry)
    return effects


def _leaving(index: bytes, raw: bytes, task: Task | None) -> Effects:
    """Remove the entry of a task that has left an index, unless the task was changed since."""
    effects = Effects()
    effects.require_version(keys.RECORD_PREFIX + raw, task.version if task else None)
    effects.remove_from_index(index, raw)
    return effects


def _postponing(index: bytes, raw: bytes, score: float, until: int) -> Effects:
    effects = Effects()
    effects.require_score(index, raw, score)
    effects.add_to_index(index, raw, until)
    return effects


def _setting_aside(backlog: Backlog, task: Task, until: int) -> Effects:
    entry, raw = finished_entry(task), stored_bytes(task.task_id)
    if backlog is Backlog.PAST_RETENTION:
        effects = _to_the_end(entry) if entry else Effects()
    else:
        effects, (index, _) = Effects(), BACKLOGS[backlog]
        effects.require_passed(index, raw)
        effects.add_to_index(index, raw, until)
    effects.require_version(keys.RECORD_PREFIX + raw, task.version)
    return effects
