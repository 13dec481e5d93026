"""Tasks in memory: the repository and the leases, which look at the same records."""

import operator
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.redis.task_codec import LONG_BYTES, OMITTABLE, OMITTED, decode, encode, encode_changes, id_bytes
from application.errors import AlreadySubmitted, RunStillHeld, StaleTask, StoreFull, StoreUnavailable, TooManyQueues
from application.ports.clock import Clock
from application.ports.run import MAX_LOG_BYTES, MAX_LOG_LINES, LogLine, RunLog
from application.ports.task_leases import LostRun, TaskLeases
from application.ports.task_repository import (
    Backlog,
    Change,
    Cursor,
    IdempotencyRecord,
    PageRequest,
    TaskPage,
    TaskRepository,
)
from application.task_filter import TaskFilter
from domain.events import Event, event_of
from domain.status import Status
from domain.task import Progress, Task


class FakeTaskStore(TaskRepository, TaskLeases, RunLog):
    """Goes through the real codec, so that nothing can be kept that Redis could not keep.

    `away` makes every call fail; `lose_replies` makes the next calls fail after they did their work.
    """

    def __init__(self, clock: Clock, lease: timedelta = timedelta(seconds=15)) -> None:
        self._clock = clock
        self._lease = lease
        self._lock = threading.Lock()
        self._records: dict[str, dict[bytes, bytes]] = {}
        self._places: dict[str, int] = {}
        self._finished: list[str] = []
        self._expiries: dict[str, datetime] = {}
        self._held: dict[str, tuple[str, str]] = {}
        self._lost: dict[str, tuple[str, int]] = {}
        self._drawn = 0
        self._claims = 0
        self.logs: dict[str, deque[LogLine]] = {}
        self.events: list[tuple[Event, Task]] = []
        """What happened, as an event stream would tell."""
        self.ended: list[Task] = []
        """Those that became final and have somebody to be told."""
        self.paused: set[str] = set()
        self.queues: set[str] = set()
        self.idempotency_records: dict[str, tuple[bytes, list[str], datetime]] = {}
        self.away = False
        self.full = False
        self.max_queues = 1_000
        self.damaged: set[str] = set()
        """The ids of tasks that the store cannot change."""
        self._aside: dict[tuple[Backlog, str], datetime] = {}
        self.lose_replies = 0

    def check(self) -> None:
        with self._reached():
            pass

    def append(self, run: Task, *, progress: Progress | None = None, lines: Sequence[str] = ()) -> bool:
        with self._reached():
            stored = self._read(run.task_id)
            if stored is None or not stored.is_run_of(run.fencing_token):
                return False
            self._add_lines(run, lines)
            if progress:
                self._write(replace(stored, progress=progress))
                self._tell(Event.PROGRESS, replace(stored, progress=progress))
            return True

    def _add_lines(self, run: Task, lines: Sequence[str]) -> None:
        for message in lines:
            line = LogLine(at=self._clock.now(), attempt=run.attempt, message=message)
            self.logs.setdefault(run.task_id, deque(maxlen=MAX_LOG_LINES)).append(line)
        kept = self.logs.get(run.task_id, deque())
        while sum(len(line.message.encode()) for line in kept) > MAX_LOG_BYTES:
            kept.popleft()

    def lines(self, task_id: str) -> Sequence[LogLine]:
        with self._reached():
            return list(self.logs.get(task_id, []))

    def get(self, task_id: str) -> Task | None:
        with self._reached():
            return self._read(task_id)

    def tasks(self) -> Sequence[Task]:
        """For the other fakes that look at the same records."""
        with self._reached():
            return sorted(self._all(), key=Cursor.of)

    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        return [short(task) for task_id in task_ids if (task := self.get(task_id))]

    def find(self, wanted: TaskFilter, page_request: PageRequest) -> TaskPage:
        with self._reached():
            found = sorted(filter(wanted.matches, self._all()), key=Cursor.of, reverse=page_request.newest_first)
        if page_request.after:
            behind = operator.lt if page_request.newest_first else operator.gt
            tasks = [task for task in found if behind(Cursor.of(task), page_request.after)]
        else:
            tasks = found[page_request.offset :]
        shown = [short(task) for task in tasks[: page_request.limit]]
        more = len(tasks) > page_request.limit
        return TaskPage(tasks=shown, total=len(found), next=Cursor.of(shown[-1]) if more else None)

    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        with self._reached():
            return {
                task.task_id: [other.task_id for other in self._queued(task.spec.queue)].index(task.task_id) + 1
                for task in tasks
                if task.status is Status.QUEUED
            }

    def add(self, tasks: Sequence[Task], idempotency_record: IdempotencyRecord | None = None) -> Sequence[Task]:
        with self._lock:
            earlier = self.idempotency_records.get(idempotency_record.key) if idempotency_record else None
        if earlier:
            raise AlreadySubmitted(*earlier)
        if any(self.get(task.task_id) for task in tasks):
            raise StaleTask(tasks[0].task_id)
        with self._lock:
            self._require_room(tasks)
        saved = [self.save(Change(before=None, after=task)) for task in tasks]
        if idempotency_record:
            ids = [task.task_id for task in saved]
            self.idempotency_records[idempotency_record.key] = (
                idempotency_record.request_hash,
                ids,
                saved[0].submitted_at,
            )
        return saved

    def save(self, change: Change) -> Task:
        with self._reached():
            if change.before is None and self.full:
                raise StoreFull("the fake is full")
            self._require_version(change.after.task_id, change.before)
            self._require_room([change.after])
            if change.only_if_lease_expired and change.after.task_id not in self._run_out():
                raise StaleTask(change.after.task_id)
            task = self._stamped(self._with_omitted(change))
            if change.before and change.before.owner and task.crashes > change.before.crashes:
                self._lost[change.before.owner] = (task.task_id, change.before.fencing_token)
            if change.before and change.log:
                self._add_lines(change.before, [change.log])
            self._write(task)
            self._tell(event_of(change.before, task), task)
            if (
                task.spec.callback_url
                and task.status.is_final
                and not (change.before and change.before.status.is_final)
            ):
                self.ended.append(task)
            return task

    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        return [None if change.after.task_id in self.damaged else self._save_or_none(change) for change in changes]

    def due(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            due = [task for task in self._all() if task.is_due(self._clock.now())]
            in_order = sorted(due, key=lambda task: task.due_at or task.submitted_at)
            return self._not_aside(Backlog.DUE, in_order)[:limit]

    def expiring(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            late = [task for task in self._all() if task.status.is_waiting and self._is_late(task)]
            return self._not_aside(Backlog.EXPIRING, late)[:limit]

    def remove(self, task: Task) -> None:
        with self._reached():
            self._require_version(task.task_id, task)
            del self._records[task.task_id]
            self._tell(Event.DELETED, task)

    def remove_many(self, tasks: Sequence[Task]) -> Sequence[bool]:
        return [task.task_id not in self.damaged and self._remove_or_not(task) for task in tasks]

    def discarded(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            discarded = [task for task in self._all() if task.discarded and task.status.is_final]
            return self._not_aside(Backlog.DISCARDED, discarded)[:limit]

    def past_retention(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        with self._reached():
            due = self._clock.now() - retention
            finished = [task for task_id in self._finished if (task := self._read(task_id))]
            return [short(task) for task in finished if task.finished_at and task.finished_at <= due][:limit]

    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        with self._reached():
            for task in tasks:
                stored = self._read(task.task_id)
                if stored is None or stored.version != task.version:
                    continue
                if backlog is Backlog.PAST_RETENTION:
                    self._finished.remove(task.task_id)
                    self._finished.append(task.task_id)
                elif backlog is not Backlog.LOST or task.task_id in self._run_out():
                    self._aside[backlog, task.task_id] = self._clock.now() + timedelta(minutes=1)

    def claim(self, queue: str, *, owner: str, claim_id: str) -> Task | None:
        with self._reached():
            held_claim, task_id = self._held.get(owner, ("", ""))
            held = self._read(task_id)
            if held and held.owner == owner:
                if held_claim != claim_id:
                    raise RunStillHeld(held)
                self._expiries[task_id] = self._clock.now() + self._lease
                return held
            waiting = [task for task in self._queued(queue) if not self._is_late(task)]
            if not waiting or queue in self.paused:
                return None
            first = waiting[0]
            self._claims += 1
            run = first.start(owner=owner, fencing_token=self._claims, now=self._clock.now())
            self._write(run)
            self._tell(Event.STARTED, run)
            self._held[owner] = (claim_id, run.task_id)
            self._expiries[run.task_id] = self._clock.now() + self._lease
            return run

    def finish_and_claim(self, end: Change, queue: str, *, owner: str, claim_id: str) -> Task | None:
        self.save(end)
        return self.claim(queue, owner=owner, claim_id=claim_id)

    def renew(self, task: Task) -> bool:
        with self._reached():
            stored = self._read(task.task_id)
            if stored is None or not stored.is_run_of(task.fencing_token):
                return False
            self._expiries[task.task_id] = self._clock.now() + self._lease
            return True

    def expired(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            lost = [task for task in self._all() if task.task_id in self._run_out()]
            return self._not_aside(Backlog.LOST, lost)[:limit]

    def held_by(self, owners: Sequence[str]) -> Sequence[Task]:
        with self._reached():
            return [task for task in self._all() if task.owner in owners]

    def held_under(self, owner_prefix: str) -> Sequence[Task]:
        with self._reached():
            return [task for task in self._all() if task.owner and task.owner.startswith(owner_prefix)]

    def running(self) -> Mapping[str, str]:
        with self._reached():
            return {task.owner: task.task_id for task in self._all() if task.owner}

    def lost_by(self, owners: Sequence[str]) -> Sequence[LostRun]:
        with self._reached():
            lost = [(owner, *self._lost[owner]) for owner in owners if owner in self._lost]
            return [
                LostRun(task=task, fencing_token=claim, owner=owner)
                for owner, task_id, claim in lost
                if (task := self._read(task_id))
            ]

    @contextmanager
    def _reached(self) -> Iterator[None]:
        if self.away:
            raise StoreUnavailable("the fake is away")
        with self._lock:
            yield
        if self.lose_replies:
            self.lose_replies -= 1
            raise StoreUnavailable("the fake lost its reply")

    def _read(self, task_id: str) -> Task | None:
        raw = id_bytes(task_id)
        return decode(raw, self._records[task_id]) if raw and task_id in self._records else None

    def _all(self) -> list[Task]:
        return [task for task_id in self._records if (task := self._read(task_id))]

    def _queued(self, queue: str) -> list[Task]:
        """In the order in which they are started."""
        tasks = [task for task in self._all() if task.status is Status.QUEUED and task.spec.queue == queue]
        return sorted(tasks, key=lambda task: (-task.spec.priority, self._places[task.task_id]))

    def _not_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> list[Task]:
        now = self._clock.now()
        return [short(task) for task in tasks if self._aside.get((backlog, task.task_id), now) <= now]

    def _require_room(self, tasks: Sequence[Task]) -> None:
        unknown = {task.spec.queue for task in tasks} - self.queues
        if unknown and len(self.queues) + len(unknown) > self.max_queues:
            places = [place for place, task in enumerate(tasks) if task.spec.queue in unknown]
            raise TooManyQueues(self.max_queues, places)

    def _tell(self, event: Event, task: Task) -> None:
        self.events.append((event, short(task)))

    def _write(self, task: Task) -> None:
        self.queues.add(task.spec.queue)
        self._records[task.task_id] = encode(task)
        if task.status is Status.QUEUED and task.task_id not in self._places:
            self._drawn += 1
            self._places[task.task_id] = self._drawn
        if task.status.is_final:
            self._places.pop(task.task_id, None)
            if task.task_id not in self._finished:
                self._finished.append(task.task_id)

    def _with_omitted(self, change: Change) -> Change:
        """The change with the stored members that were not read."""
        after, stored = change.after, self._read(change.after.task_id)
        if change.before is None or stored is None or not after.omitted:
            return change
        encode_changes(change.before, after)  # refuses a change of what was not read
        payload = stored.spec.payload if "payload" in after.omitted else after.spec.payload
        result = stored.result if "result" in after.omitted else after.result
        whole = replace(after, spec=replace(after.spec, payload=payload), result=result, omitted=())
        return replace(change, after=whole)

    def _require_version(self, task_id: str, expected: Task | None) -> None:
        stored = self._read(task_id)
        if (stored and stored.version) != (expected and expected.version):
            raise StaleTask(task_id)

    def _run_out(self) -> set[str]:
        now = self._clock.now()
        return {
            task.task_id
            for task in self._all()
            if task.status is Status.PROCESSING and self._expiries[task.task_id] <= now
        }

    def _save_or_none(self, change: Change) -> Task | None:
        try:
            return self.save(change)
        except (StaleTask, TooManyQueues):
            return None

    def _remove_or_not(self, task: Task) -> bool:
        try:
            self.remove(task)
        except StaleTask:
            return False
        return True

    def _is_late(self, task: Task) -> bool:
        return task.has_expired(self._clock.now())

    def _stamped(self, change: Change) -> Task:
        """Return the task with the store's own times, and with the progress of a run that goes on or failed."""
        task, before = change.after, change.before
        if before is None:
            task = replace(task, submitted_at=self._clock.now())
        if task.finished_at and not (before and before.finished_at):
            task = replace(task, finished_at=self._clock.now())
        stored = self._read(task.task_id)
        keeps = not task.status.is_waiting and task.status is not Status.COMPLETED
        return replace(task, progress=stored.progress if stored and keeps else None)


def short(task: Task) -> Task:
    """The task without its long members, as Redis returns it where many are read."""
    if task.omitted:
        return task
    record, raw = encode(task), id_bytes(task.task_id) or b""
    long = [field for field in OMITTABLE if len(record.get(field, b"")) > LONG_BYTES]
    if not long:
        return task
    rest = {field: value for field, value in record.items() if field not in long}
    return decode(raw, {**rest, OMITTED: b"".join(long)})
