"""The indexes that follow from the state of a task. One function for each index.

Each compares the task before (None: it is new) and after (None: it is removed), and adds the
effects of the difference.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from adapters.redis import keys
from adapters.redis.counters import count_change, count_new_tasks
from adapters.redis.effects import Effects
from adapters.redis.entries import lost_entry, outbox_entry
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.lanes import lane_of, queue_of
from adapters.redis.task_codec import epoch_milliseconds
from adapters.redis.wake_ups import WakeUp
from application.ports.statistics import Occurrence
from domain.status import Status
from domain.task import Task

LOST_FOR = timedelta(days=1)
"""Time after a crash in which the owner can still report that there was none."""

WEBHOOK_KEPT_MS = timedelta(days=8) // timedelta(milliseconds=1)
"""Time for which a webhook is stored after the end of the task or its last delivery attempt.

It is longer than the longest pause between two attempts.
"""

PRIORITY_STEP = 2**49
"""Places of one priority. A double holds ten times as many exactly."""

WakeUpOf = Callable[[str], WakeUp]


class _Place(NamedTuple):
    """The place where a task waits."""

    lane: str
    priority: int
    expires_at: datetime | None
    """A claim may have removed an expired task. With a later time it waits again."""


def write_indexes(effects: Effects, before: Task | None, after: Task | None) -> None:
    task = after or before
    if task is None:
        raise ValueError("a change needs a task")
    member = require_id_bytes(task.task_id)
    _index_submission(effects, member, before, after)
    _index_filters(effects, member, before, after)
    _end_run(effects, member, before, after)
    _record_lost_run(effects, member, before, after)
    if (before and before.status.is_waiting) or (after and after.status.is_waiting):
        _index_time(effects, keys.SCHEDULED, member, _due(before), _due(after))
        _count_scheduled(effects, before, after)
        _index_time(effects, keys.EXPIRING, member, _expires(before), _expires(after))
        _enqueue(effects, member, before, after)
    elif task.spec.expires_at:
        # claim.lua has removed the entry, but that of earlier versions has not.
        effects.remove_from_index(keys.EXPIRING, member)
    _index_end(effects, member, before, after)
    count_change(effects, before, after)
    add_webhook(effects, member, before, after)


def index_new_tasks(effects: Effects, tasks: Iterable[tuple[bytes, Task]]) -> None:
    """Add new tasks to their indexes, in one step for each index where possible.

    The tasks are added to their queues elsewhere.
    """
    members: dict[bytes, list[bytes]] = {}
    types: dict[str, None] = {}
    queues: dict[str, None] = {}
    scheduled: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    for member, task in tasks:
        kinds[task.spec.queue, task.spec.type] += 1
        types[task.spec.type] = queues[task.spec.queue] = None
        for index in (keys.SUBMITTED, *filter_indexes(task, None)):
            members.setdefault(index, []).append(member)
        _index_time(effects, keys.SCHEDULED, member, None, _due(task))
        _index_time(effects, keys.EXPIRING, member, None, _expires(task))
        if task.due_at:
            scheduled[task.spec.queue] += 1
    for index, those in members.items():
        effects.add_all_to_index(index, those)
    for key, names in ((keys.TYPES, types), (keys.QUEUES, queues)):
        for name in names:
            effects.add_to_set(key, name)
    for queue, count in scheduled.items():
        effects.add_to_field(keys.SCHEDULED_BY_QUEUE, queue, count)
    count_new_tasks(effects, kinds)


def priority_base(priority: int) -> int:
    """Return the number to which the place of a waiting task is added."""
    return (9 - priority) * PRIORITY_STEP


def wake(
    effects: Effects, changes: Iterable[tuple[Task | None, Task]], wake_up_of: WakeUpOf
) -> None:
    """Put wake-ups for the lanes in which a task waits now and did not before."""
    for lane in dict.fromkeys(
        place.lane
        for before, after in changes
        if (place := _place(after)) != _place(before) and place
    ):
        effects.add_to_set(keys.WAITING_QUEUES, lane)
        top_up(effects, lane, wake_up_of(lane))


def top_up(effects: Effects, lane: str, wake_up: WakeUp) -> None:
    """Put the wake-ups that the lane lacks, unless its queue is paused."""
    effects.top_up_wake_ups(
        wake_up.list_key,
        keys.waiting(lane),
        keys.SEQUENCE,
        keys.PAUSED,
        queue_of(lane),
        bound=wake_up.bound,
        template=wake_up.template,
    )


def require_room(
    effects: Effects,
    changes: Iterable[tuple[Task | None, Task]],
    limit: int,
    exempt: Container[str],
) -> None:
    """Refuse changes that name more queues than `limit`. Queues in `exempt` do not count."""
    queues = dict.fromkeys(
        after.spec.queue
        for before, after in changes
        if before is None or before.spec.queue != after.spec.queue
    )
    limited = [queue for queue in queues if queue not in exempt]
    if limited:
        effects.require_room(keys.QUEUES, limit, limited)


def _index_submission(
    effects: Effects, member: bytes, before: Task | None, after: Task | None
) -> None:
    if before is None:
        effects.add_to_index(keys.SUBMITTED, member)
    elif after is None:
        effects.remove_from_index(keys.SUBMITTED, member)


def _index_filters(
    effects: Effects, member: bytes, before: Task | None, after: Task | None
) -> None:
    """Change the indexes of the filters. Their score is submitted_at."""
    old, new = filter_indexes(before, after), filter_indexes(after, before)
    for index in old:
        if index not in new:
            effects.remove_from_index(index, member)
    score = epoch_milliseconds(before.submitted_at) if before else None
    for index in new:
        if index not in old:
            effects.add_to_index(index, member, score)
    if after and (before is None or before.spec.type != after.spec.type):
        effects.add_to_set(keys.TYPES, after.spec.type)
    if after and (before is None or before.spec.queue != after.spec.queue):
        effects.add_to_set(keys.QUEUES, after.spec.queue)


def _end_run(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """End a run. Only claim.lua starts one, and only renew.lua moves its lease."""
    if before and before.owner and not (after and after.owner):
        effects.remove_from_index(keys.LEASES, member)
        effects.unset_fields(keys.HELD, [before.owner])


def _record_lost_run(
    effects: Effects, member: bytes, before: Task | None, after: Task | None
) -> None:
    """Store which run an owner lost. An owner loses one at most, since it dies with it."""
    if before and before.owner and after and after.crashes > before.crashes:
        value = lost_entry(before.fencing_token, member)
        effects.set_for(keys.lost(before.owner), value, LOST_FOR // timedelta(milliseconds=1))
        effects.count(keys.TOTALS, Occurrence.RUN_LOST)


def _count_scheduled(effects: Effects, before: Task | None, after: Task | None) -> None:
    old, new = (task.spec.queue if task and task.due_at else None for task in (before, after))
    if old != new:
        for queue, number in ((old, -1), (new, 1)):
            if queue:
                effects.add_to_field(keys.SCHEDULED_BY_QUEUE, queue, number)


def _index_time(
    effects: Effects, index: bytes, member: bytes, old: datetime | None, new: datetime | None
) -> None:
    if old == new:
        return
    if new is None:
        effects.remove_from_index(index, member)
    else:
        effects.add_to_index(index, member, epoch_milliseconds(new))


def _enqueue(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    old, new = _place(before), _place(after)
    if old == new:
        return
    if old and (new is None or new.lane != old.lane):
        effects.remove_from_index(keys.waiting(old.lane), member)
    if after and new:
        record, base = keys.record(after.task_id), priority_base(new.priority)
        effects.enqueue(keys.waiting(new.lane), record, keys.SEQUENCE, member, base, PRIORITY_STEP)


def _index_end(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """A task that is deleted early leaves its entry behind, which retention removes in time."""
    if after and after.status.is_final and not (before and before.status.is_final):
        effects.push_dated(keys.FINISHED, member)
        if after.discarded:
            effects.add_to_index(keys.DISCARDED, member)
    if after is None and before and before.discarded:
        effects.remove_from_index(keys.DISCARDED, member)


def add_webhook(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """Copy the record for a webhook, after all writes to it."""
    if (
        after
        and after.spec.callback_url
        and after.status.is_final
        and not (before and before.status.is_final)
    ):
        entry = outbox_entry(member, after.version)
        effects.copy_record(keys.webhook(entry), keys.record(after.task_id), WEBHOOK_KEPT_MS)
        effects.add_to_index(keys.OUTBOX, entry)


def filter_indexes(task: Task | None, other: Task | None) -> Sequence[bytes]:
    """Return the indexes of a task that can differ from those of the other task.

    With the same specification, only the index of the status can.
    """
    if task is None:
        return ()
    spec, status = task.spec, keys.status_index(task.status)
    if other and other.spec is spec:
        return (status,)
    labels = (keys.label_index(key, value) for key, value in spec.labels.items())
    submitter = (keys.submitter_index(task.submitted_by),) if task.submitted_by else ()
    return (
        status,
        keys.type_index(spec.type),
        keys.queue_index(spec.queue),
        *labels,
        *submitter,
    )


def _due(task: Task | None) -> datetime | None:
    return task.due_at if task else None


def _expires(task: Task | None) -> datetime | None:
    return task.spec.expires_at if task and task.status.is_waiting else None


def _place(task: Task | None) -> _Place | None:
    if task is None or task.status is not Status.QUEUED:
        return None
    return _Place(lane_of(task.spec), task.spec.priority, task.spec.expires_at)
