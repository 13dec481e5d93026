"""What follows from the state of a task: the indexes in which it stands. One function an index.

Each looks at the task before (None: it is new) and after (None: it is removed) and adds the effects of the difference.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import lost_entry, outbox_entry
from adapters.redis.task_codec import epoch_milliseconds, require_id_bytes
from adapters.redis.wake_ups import WakeUp
from domain.status import Status
from domain.task import Task

LOST_FOR = timedelta(days=1)
"""How long after a crash its owner can still say that it was none."""

WEBHOOK_KEPT_MS = timedelta(days=8) // timedelta(milliseconds=1)
"""From its end or its last try on: longer than the longest pause between two tries."""

PRIORITY_STEP = 2**49
"""A double holds ten priorities and so many places of each exactly."""
SUBMITTED = "SUBMITTED"
COUNTED = {Status.COMPLETED, Status.FAILED}
"""What is counted per minute, besides what was submitted."""

WakeUpOf = Callable[[str], WakeUp]


class _Place(NamedTuple):
    """Where a task waits."""

    queue: str
    priority: int
    expires_at: datetime | None
    """A claim may have taken the task out because it had expired: with a later time it waits again."""


def write_indexes(effects: Effects, before: Task | None, after: Task | None) -> None:
    task = after or before
    if task is None:
        raise ValueError("a change needs a task")
    member = require_id_bytes(task.task_id)
    _submitted(effects, member, before, after)
    _found_by(effects, member, before, after)
    _running(effects, member, before, after)
    _lost(effects, member, before, after)
    if (before and before.status.is_waiting) or (after and after.status.is_waiting):
        _timed(effects, keys.SCHEDULED, member, _due(before), _due(after))
        _scheduled(effects, before, after)
        _timed(effects, keys.EXPIRING, member, _expires(before), _expires(after))
        _waiting(effects, member, before, after)
    elif task.spec.expires_at:
        effects.remove_from_index(keys.EXPIRING, member)  # claim.lua took it out, but that of earlier versions did not
    _finished(effects, member, before, after)
    _counted(effects, before, after)
    _told(effects, member, before, after)


def index_new_tasks(effects: Effects, tasks: Iterable[tuple[bytes, Task]]) -> None:
    """Write the indexes of new tasks but for their queues, each index in one step where it can be."""
    members: dict[bytes, list[bytes]] = {}
    types: dict[str, None] = {}
    queues: dict[str, None] = {}
    scheduled: Counter[str] = Counter()
    number = 0
    for member, task in tasks:
        number += 1
        types[task.spec.type] = queues[task.spec.queue] = None
        for index in (keys.SUBMITTED, *_filters(task, None)):
            members.setdefault(index, []).append(member)
        _timed(effects, keys.SCHEDULED, member, None, _due(task))
        _timed(effects, keys.EXPIRING, member, None, _expires(task))
        if task.due_at:
            scheduled[task.spec.queue] += 1
    for index, those in members.items():
        effects.add_all_to_index(index, those)
    for key, names in ((keys.TYPES, types), (keys.QUEUES, queues)):
        for name in names:
            effects.add_to_set(key, name)
    for queue, count in scheduled.items():
        effects.add_to_field(keys.SCHEDULED_BY_QUEUE, queue, count)
    if number:
        effects.count_in_minute(keys.MINUTE_PREFIX, SUBMITTED, number)


def priority_base(priority: int) -> int:
    """Return what stands before the place of a waiting task in its queue."""
    return (9 - priority) * PRIORITY_STEP


def wake(effects: Effects, changes: Iterable[tuple[Task | None, Task]], wake_up_of: WakeUpOf) -> None:
    """Put wake-ups for the queues in which a task waits now that did not before."""
    for queue in dict.fromkeys(
        place.queue for before, after in changes if (place := _place(after)) != _place(before) and place
    ):
        effects.add_to_set(keys.WAITING_QUEUES, queue)
        top_up(effects, queue, wake_up_of(queue))


def top_up(effects: Effects, queue: str, wake_up: WakeUp) -> None:
    """Put the wake-ups that the queue lacks, unless it is paused."""
    effects.top_up_wake_ups(
        wake_up.list_key,
        keys.waiting(queue),
        keys.SEQUENCE,
        keys.PAUSED,
        queue,
        bound=wake_up.bound,
        template=wake_up.template,
    )


def require_room(
    effects: Effects,
    changes: Iterable[tuple[Task | None, Task]],
    limit: int,
    exempt: Container[str],
) -> None:
    """Refuse changes that name more queues than there may be. Those in `exempt` may always be named."""
    queues = dict.fromkeys(
        after.spec.queue for before, after in changes if before is None or before.spec.queue != after.spec.queue
    )
    limited = [queue for queue in queues if queue not in exempt]
    if limited:
        effects.require_room(keys.QUEUES, limit, limited)


def _submitted(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    if before is None:
        effects.add_to_index(keys.SUBMITTED, member)
    elif after is None:
        effects.remove_from_index(keys.SUBMITTED, member)


def _found_by(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """The indexes of the filters. Their score is the time of the submission, which for a new task is the present."""
    old, new = _filters(before, after), _filters(after, before)
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


def _running(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """Only claim.lua starts a run and only renew.lua moves its lease: here it ends."""
    if before and before.owner and not (after and after.owner):
        effects.remove_from_index(keys.LEASES, member)
        effects.unset_fields(keys.HELD, [before.owner])


def _lost(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """An owner loses one run in its life: it dies with it."""
    if before and before.owner and after and after.crashes > before.crashes:
        value = lost_entry(before.fencing_token, member)
        effects.set_for(keys.lost(before.owner), value, LOST_FOR // timedelta(milliseconds=1))


def _scheduled(effects: Effects, before: Task | None, after: Task | None) -> None:
    old, new = (task.spec.queue if task and task.due_at else None for task in (before, after))
    if old != new:
        for queue, number in ((old, -1), (new, 1)):
            if queue:
                effects.add_to_field(keys.SCHEDULED_BY_QUEUE, queue, number)


def _timed(effects: Effects, index: bytes, member: bytes, old: datetime | None, new: datetime | None) -> None:
    if old == new:
        return
    if new is None:
        effects.remove_from_index(index, member)
    else:
        effects.add_to_index(index, member, epoch_milliseconds(new))


def _waiting(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    old, new = _place(before), _place(after)
    if old == new:
        return
    if old and (new is None or new.queue != old.queue):
        effects.remove_from_index(keys.waiting(old.queue), member)
    if after and new:
        record, base = keys.record(after.task_id), priority_base(new.priority)
        effects.enqueue(keys.waiting(new.queue), record, keys.SEQUENCE, member, base, PRIORITY_STEP)


def _finished(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """A task that is deleted early leaves its entry behind; it falls out when its time comes."""
    if after and after.status.is_final and not (before and before.status.is_final):
        effects.push_dated(keys.FINISHED, member)
        if after.discarded:
            effects.add_to_index(keys.DISCARDED, member)
    if after is None and before and before.discarded:
        effects.remove_from_index(keys.DISCARDED, member)


def _counted(effects: Effects, before: Task | None, after: Task | None) -> None:
    if before is None:
        effects.count_in_minute(keys.MINUTE_PREFIX, SUBMITTED)
    elif after and after.status is not before.status and after.status in COUNTED:
        effects.count_in_minute(keys.MINUTE_PREFIX, after.status)


def _told(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """The message is the record as it is now, so it comes after all that writes to it."""
    if after and after.spec.callback_url and after.status.is_final and not (before and before.status.is_final):
        entry = outbox_entry(member, after.version)
        effects.copy_record(keys.webhook(entry), keys.record(after.task_id), WEBHOOK_KEPT_MS)
        effects.add_to_index(keys.OUTBOX, entry)


def _filters(task: Task | None, other: Task | None) -> Sequence[bytes]:
    """Those of the task; where both have one specification, only those that can differ."""
    if task is None:
        return ()
    spec, status = task.spec, keys.status_index(task.status)
    if other and other.spec is spec:
        return (status,)
    labels = (keys.label_index(key, value) for key, value in spec.labels.items())
    return (status, keys.type_index(spec.type), keys.queue_index(spec.queue), *labels)


def _due(task: Task | None) -> datetime | None:
    return task.due_at if task else None


def _expires(task: Task | None) -> datetime | None:
    return task.spec.expires_at if task and task.status.is_waiting else None


def _place(task: Task | None) -> _Place | None:
    if task is None or task.status is not Status.QUEUED:
        return None
    return _Place(task.spec.queue, task.spec.priority, task.spec.expires_at)
