"""The effects of changes of tasks: their records, the indexes that follow from them, and events."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from adapters.redis import keys
from adapters.redis.attempt_log import add_attempt
from adapters.redis.effects import Effects
from adapters.redis.entries import idempotency_value
from adapters.redis.history_codec import encode_actor
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.indexes import (
    WakeUpOf,
    index_new_tasks,
    priority_base,
    require_room,
    wake,
    write_indexes,
)
from adapters.redis.lanes import lane_of
from adapters.redis.run_log import add_lines
from adapters.redis.task_codec import (
    COMPLETED_BY,
    FINISHED,
    PROGRESS,
    RANK,
    STATUS,
    SUBMITTED,
    SUBMITTED_BY,
    VERSION,
    encode,
    encode_changes,
    instant,
)
from adapters.redis.task_history import add_history
from adapters.redis.wake_ups import WakeUp
from application.ports.actors import Actors
from application.ports.statistics import Occurrence
from application.ports.task_repository import Change, IdempotencyRecord
from domain.attempt import is_told_by_task
from domain.events import Event, event_of
from domain.status import Status
from domain.task import Task

TIMES_SET_BY_SCRIPT = {SUBMITTED: "submitted_at", FINISHED: "finished_at"}
"""Fields that save.lua sets to the present time of the store."""

SET_FOR_ALL_NEW_TASKS = (STATUS, VERSION, SUBMITTED)
"""Fields of new tasks that save.lua is given once for many."""

T = TypeVar("T")


class _NewTaskGroup(NamedTuple):
    """The values that a group of new tasks has in common. The group is written in one effect."""

    event: Event
    status: Status
    version: int
    lane: str
    base: int | None
    """The base of the priority; None for a task that does not wait in its queue yet."""


class TaskEffects:
    def __init__(
        self,
        wake_up_of: WakeUpOf,
        events_kept: int,
        max_queues: int,
        own_queues: Container[str],
        let_others_run: Callable[[], None],
        actors: Actors,
    ) -> None:
        self._actors = actors
        self._build_wake_up = wake_up_of
        self._events_kept = events_kept
        self._max_queues = max_queues
        self._own_queues = own_queues
        self._let_others_run = let_others_run

    def of_new(
        self,
        tasks: Sequence[Task],
        idempotency_record: IdempotencyRecord | None,
        effects: Effects | None = None,
    ) -> Effects:
        """Return the effects of adding tasks: all of them, or none. `effects` come before them."""
        effects = effects or Effects()
        effects.needs_memory = True
        if idempotency_record:
            _add_idempotency_record(effects, idempotency_record, tasks)
        effects.require_absent(keys.FULL)
        changes = [(None, task) for task in tasks]
        require_room(effects, changes, self._max_queues, self._own_queues)
        waiting = [
            (require_id_bytes(task.task_id), task) for task in tasks if task.status.is_waiting
        ]
        groups: defaultdict[_NewTaskGroup, list[tuple[bytes, Task]]] = defaultdict(list)
        for each in waiting:
            groups[_group_of(each)].append(each)
        for group, members in self.paced(groups.items()):
            self._create(effects, group, members)
        index_new_tasks(effects, self.paced(waiting))
        for task in tasks:
            if not task.status.is_waiting:
                self._change(effects, Change(before=None, after=task))
        wake(effects, changes, self._wake_up_of)
        return effects

    def of_change(self, change: Change) -> Effects:
        effects, pair = Effects(), (change.before, change.after)
        if change.before is None:
            effects.needs_memory = True
            effects.require_absent(keys.FULL)
        require_room(effects, [pair], self._max_queues, self._own_queues)
        self._change(effects, change)
        if change.after.status is Status.QUEUED:
            wake(effects, [pair], self._wake_up_of)
        return effects

    def of_removal(self, task: Task) -> Effects:
        record, effects = keys.record(task.task_id), Effects()
        effects.require_version(record, task.version)
        write_indexes(effects, task, None)
        self._append_event(effects, task, None, self._actor())
        effects.delete(record)
        effects.delete(keys.log(task.task_id))
        effects.delete(keys.attempts(task.task_id))
        effects.delete(keys.history(task.task_id))
        effects.delete(keys.deliveries(require_id_bytes(task.task_id)))
        return effects

    def paced(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and let others run between them."""
        for number, item in enumerate(items):
            if number:
                self._let_others_run()
            yield item

    def _change(self, effects: Effects, change: Change) -> None:
        self._let_others_run()
        before, after, record = change.before, change.after, keys.record(change.after.task_id)
        effects.require_version(record, before.version if before else None)
        if change.only_if_lease_expired:
            effects.require_passed(keys.LEASES, require_id_bytes(after.task_id))
            effects.count(keys.TOTALS, Occurrence.LEASE_LOST)
        actor = self._actor()
        _write_record(effects, record, before, after, actor)
        write_indexes(effects, before, after)
        if before and change.log:
            add_lines(effects, before, [change.log])
        if before:
            add_attempt(effects, before, after)
            add_history(effects, before, after, actor)
        self._append_event(effects, before, after, actor if before else b"")

    def _create(
        self, effects: Effects, group: _NewTaskGroup, tasks: Sequence[tuple[bytes, Task]]
    ) -> None:
        """Write new tasks that follow each other in their queue.

        Lua's unpack takes up to 8,000 values, and 1,000 tasks are 2,000 here.
        """
        effects.create_records(
            [keys.RECORD_PREFIX + raw for raw, _ in tasks],
            waiting=keys.waiting(group.lane),
            sequence=keys.SEQUENCE,
            base=group.base,
            stream=keys.EVENTS,
            stream_length=self._events_kept,
            event=group.event,
            status=group.status,
            version=group.version,
            actor=self._actor(),
            fields=((raw, _own_fields(task)) for raw, task in self.paced(tasks)),
        )

    def _append_event(
        self, effects: Effects, before: Task | None, after: Task | None, actor: bytes
    ) -> None:
        task_id = (after or before).task_id  # type: ignore[union-attr]  # a change has one of both
        event, raw, record = (
            event_of(before, after),
            require_id_bytes(task_id),
            keys.record(task_id),
        )
        effects.append_event(keys.EVENTS, record, self._events_kept, event, raw, actor)

    def _actor(self) -> bytes:
        return encode_actor(self._actors.current())

    def _wake_up_of(self, lane: str) -> WakeUp:
        """Return the wake-up of a lane. Building one takes 0.25 ms, and a batch may name 1,000."""
        self._let_others_run()
        return self._build_wake_up(lane)


def as_stored(change: Change, now_ms: int) -> Task:
    """Return the task with the times that save.lua has set."""
    names = _times_set(change.before, change.after)
    times: Any = {TIMES_SET_BY_SCRIPT[name]: instant(now_ms) for name in names}
    return Task.restore({**vars(change.after), **times}) if times else change.after


def _add_idempotency_record(
    effects: Effects, record: IdempotencyRecord, tasks: Sequence[Task]
) -> None:
    key, ids = (
        keys.idempotency_record(record.key),
        (require_id_bytes(task.task_id) for task in tasks),
    )
    effects.require_no_value(key)
    effects.set_dated(key, idempotency_value(record.request_hash, ids))
    effects.add_to_index(keys.IDEMPOTENCY_RECORDS, key)


def _write_record(
    effects: Effects, record: bytes, before: Task | None, after: Task, actor: bytes
) -> None:
    """Write the fields that differ."""
    fields, gone = encode_changes(before, after) if before else (encode(after), [])
    if before is None:
        fields[SUBMITTED_BY] = actor
    elif before.owner and is_told_by_task(before, after):
        fields[COMPLETED_BY] = before.owner.encode()
    for name in TIMES_SET_BY_SCRIPT:
        fields.pop(name, None)
    times = _times_set(before, after)
    for name in times[1:]:
        effects.set_time(record, name)
    if times:
        effects.set_time(record, times[0], fields)
    else:
        effects.set_fields(record, fields)
    if after.status.is_final:
        gone.append(RANK)
    if before and before.owner and (after.status.is_waiting or after.status is Status.COMPLETED):
        gone.append(PROGRESS)  # reports wrote it, and whoever ends the run may not have read them
    effects.unset_fields(record, gone)


def _own_fields(task: Task) -> dict[bytes, bytes]:
    fields = encode(task)
    for name in SET_FOR_ALL_NEW_TASKS:
        del fields[name]
    return fields


def _group_of(new: tuple[bytes, Task]) -> _NewTaskGroup:
    _, task = new
    return _NewTaskGroup(
        event_of(None, task),
        task.status,
        task.version,
        lane_of(task.spec),
        priority_base(task.spec.priority) if task.status is Status.QUEUED else None,
    )


def _times_set(before: Task | None, after: Task) -> list[bytes]:
    """Return the fields of the times that this change sets."""
    return [
        name
        for name, member in TIMES_SET_BY_SCRIPT.items()
        if getattr(after, member) not in (None, getattr(before, member, None))
    ]
