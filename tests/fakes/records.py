"""Tasks in memory, as the fakes of all ports over tasks see them."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from adapters.redis.history_codec import decode_entry, encode_actor, encode_entry
from adapters.redis.id_codec import id_bytes
from adapters.redis.task_codec import (
    LONG_BYTES,
    OMITTABLE,
    OMITTED,
    SECRETS,
    decode,
    encode,
    epoch_milliseconds,
)
from adapters.system.context_actors import ContextActors
from application.errors import StoreUnavailable
from application.ports.actors import Actors
from application.ports.attempt_log import MAX_ENTRIES, Requeued
from application.ports.clock import Clock
from application.ports.run import MAX_LOG_BYTES, MAX_LOG_LINES, LogLine
from application.ports.statistics import Occurrence
from application.ports.task_history import MAX_ENTRIES as MAX_CHANGES
from application.ports.task_repository import Backlog, Cursor
from application.series import Count
from domain.actor import MAINTENANCE, Actor, worker_of
from domain.attempt import Attempt, is_told_by_task
from domain.events import Event
from domain.history import HistoryEntry
from domain.schedule import Schedule, Skip
from domain.status import Status
from domain.task import Task
from tests.fakes.rate_limits import FakeRateLimits


class FakeRecords:
    """The records that the fakes share. They use the real codec: only what Redis could store is
    stored.

    `away` makes every call fail. `lose_replies` makes that many calls fail after they did their
    work.
    """

    def __init__(self, clock: Clock, lease: timedelta = timedelta(seconds=15)) -> None:
        self._clock = clock
        self._lease = lease
        self._lock = threading.RLock()
        self._depth = 0
        self._records: dict[str, dict[bytes, bytes]] = {}
        self._places: dict[str, int] = {}
        self._finished: list[str] = []
        self._expiries: dict[str, datetime] = {}
        self._held: dict[str, tuple[str, str]] = {}
        self._lost: dict[str, tuple[str, int]] = {}
        self._drawn = 0
        self._claims = 0
        self.counts: list[tuple[datetime, Count]] = []
        """Counts as Series would store them."""
        self.occurrences: Counter[Occurrence] = Counter()
        self.attempts: dict[str, deque[Attempt | Requeued]] = {}
        self.actors: Actors = ContextActors(MAINTENANCE)
        self.changes: dict[str, deque[HistoryEntry]] = {}
        self.submitters: dict[str, Actor] = {}
        self.completers: dict[str, Actor] = {}
        self._logged: Counter[str] = Counter()
        self.logs: dict[str, deque[LogLine]] = {}
        self.events: list[tuple[Event, Task]] = []
        """The events, as an event stream would have them."""
        self.event_actors: list[Actor] = []
        """Who made the change of each event."""
        self.skips: dict[int, Skip] = {}
        """The skipped slots of an event, by its place among the events."""
        self.ended: list[Task] = []
        """The tasks that became final and have a callback URL."""
        self.paused: set[str] = set()
        self.queues: set[str] = set()
        self.idempotency_records: dict[str, tuple[bytes, list[str], datetime]] = {}
        self.rate_limits = FakeRateLimits(clock)
        self.away = False
        self.full = False
        self.max_queues = 1_000
        self.damaged: set[str] = set()
        """The ids of tasks that the store cannot change."""
        self._aside: dict[tuple[Backlog, str], datetime] = {}
        self.lose_replies = 0
        self.both_lanes = False
        """True if processes claim the tasks of both pools."""

    def check(self) -> None:
        """Raises StoreUnavailable while the store is away."""
        with self._reached():
            pass

    def tasks(self) -> Sequence[Task]:
        """Return all tasks in the order of submission, for fakes of other ports."""
        with self._reached():
            return sorted(self._all(), key=Cursor.of)

    def take(self, task: Task, log: Sequence[LogLine]) -> None:
        """Store a task of another store with its log."""
        with self._reached():
            self._claims = max(self._claims, task.fencing_token)
            if log:
                self.logs[task.task_id] = deque(log, maxlen=MAX_LOG_LINES)
            self._write(task)

    def forget_everything(self) -> None:
        """Become the store of another service."""
        for held in (self._records, self._places, self._finished, self._held, self._expiries):
            held.clear()
        for told in (self.logs, self.attempts, self.queues, self.paused, self.idempotency_records):
            told.clear()
        self._drawn = self._claims = 0

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Make what happens inside one atomic step, within another such step a part of that one."""
        if self.away:
            raise StoreUnavailable("the fake is away")
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            is_whole = self._depth == 0
        if is_whole and self.lose_replies:
            self.lose_replies -= 1
            raise StoreUnavailable("the fake lost its reply")

    def _read(self, task_id: str) -> Task | None:
        raw = id_bytes(task_id)
        return decode(raw, self._records[task_id]) if raw and task_id in self._records else None

    def _all(self) -> list[Task]:
        return [task for task_id in self._records if (task := self._read(task_id))]

    def _queued(self, queue: str, pool: str | None = None) -> list[Task]:
        """Return the QUEUED tasks of a queue, or of one pool, in the order in which they start."""
        tasks = [
            task
            for task in self._all()
            if task.status is Status.QUEUED
            and task.spec.queue == queue
            and pool in (None, task.spec.pool)
        ]
        return sorted(tasks, key=lambda task: (-task.spec.priority, self._places[task.task_id]))

    def _not_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> list[Task]:
        now = self._clock.now()
        return [
            short(task) for task in tasks if self._aside.get((backlog, task.task_id), now) <= now
        ]

    def _tell(self, event: Event, task: Task) -> None:
        self.events.append((event, short(task)))
        runs = task.owner and event in {Event.STARTED, Event.PROGRESS}
        self.event_actors.append(worker_of(task.owner) if runs else self.actors.current())

    def tell_of_skip(self, schedule: Schedule, skip: Skip) -> None:
        self.skips[len(self.events)] = skip
        self._tell(Event.SCHEDULE_SKIPPED, schedule.skipped_task())

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

    def _run_out(self) -> set[str]:
        now = self._clock.now()
        return {
            task.task_id
            for task in self._all()
            if task.status is Status.PROCESSING and self._expiries[task.task_id] <= now
        }

    def _add_lines(self, run: Task, lines: Sequence[str]) -> None:
        for message in lines:
            self._logged[run.task_id] += 1
            line = LogLine(
                at=self._clock.now(),
                attempt=run.attempt,
                message=message,
                number=self._logged[run.task_id],
            )
            self.logs.setdefault(run.task_id, deque(maxlen=MAX_LOG_LINES)).append(line)
        kept = self.logs.get(run.task_id, deque())
        while sum(len(line.message.encode()) for line in kept) > MAX_LOG_BYTES:
            kept.popleft()

    def _add_attempt(self, before: Task, after: Task) -> None:
        now = self._clock.now()
        entries = self.attempts.setdefault(after.task_id, deque(maxlen=MAX_ENTRIES))
        if before.owner and not after.owner and not is_told_by_task(before, after):
            entries.append(Attempt.of_run(before, after, now))
        elif before.status.is_final and after.status.is_waiting:
            entries.append(Requeued(now))

    def _add_change(self, before: Task | None, after: Task) -> None:
        actor = self.actors.current()
        if before is None:
            self.submitters[after.task_id] = actor
        elif before.owner and is_told_by_task(before, after):
            self.completers[after.task_id] = worker_of(before.owner)
        else:
            digits = epoch_milliseconds(self._clock.now())
            entry = b"%b%013d" % (encode_entry(before, after, encode_actor(actor)), digits)
            changes = self.changes.setdefault(after.task_id, deque(maxlen=MAX_CHANGES))
            changes.append(decode_entry(entry))

    def _forget_history(self, task_id: str) -> None:
        for part in (self.changes, self.submitters, self.completers):
            part.pop(task_id, None)


def short(task: Task) -> Task:
    """Return the task without its long members, as methods that read many tasks return it."""
    if task.omitted:
        return task
    record, raw = encode(task), id_bytes(task.task_id) or b""
    long = [field for field in OMITTABLE if len(record.get(field, b"")) > LONG_BYTES]
    if not long and SECRETS not in record:
        return task
    rest = {field: value for field, value in record.items() if field not in (*long, SECRETS)}
    return decode(raw, {**rest, OMITTED: b"".join(long)} if long else rest)
