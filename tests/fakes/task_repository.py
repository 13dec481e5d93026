import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from adapters.redis.task_codec import encode_changes
from application.errors import AlreadySubmitted, StaleTask, StoreFull, TooManyQueues
from application.ports.rate_limits import Charge
from application.ports.statistics import Occurrence
from application.ports.task_repository import (
    Backlog,
    Change,
    Cursor,
    IdempotencyRecord,
    IdPage,
    PageRequest,
    TaskPage,
    TaskRepository,
)
from application.series import count_of
from application.task_filter import TaskFilter
from domain.events import Event, event_of
from domain.status import Status
from domain.task import Task
from tests.fakes.records import FakeRecords, short


class FakeTaskRepository(FakeRecords, TaskRepository):
    def get(self, task_id: str) -> Task | None:
        with self._reached():
            return self._read(task_id)

    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        return [short(task) for task_id in task_ids if (task := self.get(task_id))]

    def find(self, wanted: TaskFilter, page_request: PageRequest) -> TaskPage:
        with self._reached():
            found = sorted(
                filter(wanted.matches, self._all()),
                key=Cursor.of,
                reverse=page_request.newest_first,
            )
        if page_request.after:
            behind = operator.lt if page_request.newest_first else operator.gt
            tasks = [task for task in found if behind(Cursor.of(task), page_request.after)]
        else:
            tasks = found[page_request.offset :]
        shown = [short(task) for task in tasks[: page_request.limit]]
        more = len(tasks) > page_request.limit
        return TaskPage(tasks=shown, total=len(found), next=Cursor.of(shown[-1]) if more else None)

    def find_ids(self, wanted: TaskFilter, page_request: PageRequest) -> IdPage:
        page = self.find(wanted, page_request)
        ids = [task.task_id for task in page.tasks]
        return IdPage(ids=ids, total=page.total, next=page.next)

    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        with self._reached():
            return {
                task.task_id: position
                for task in tasks
                for position, other in enumerate(self._queued(task.spec.queue, task.spec.pool), 1)
                if task.status is Status.QUEUED and other.task_id == task.task_id
            }

    def add(
        self,
        tasks: Sequence[Task],
        idempotency_record: IdempotencyRecord | None = None,
        charge: Charge | None = None,
    ) -> Sequence[Task]:
        with self._reached():
            earlier = (
                self.idempotency_records.get(idempotency_record.key) if idempotency_record else None
            )
            if earlier:
                raise AlreadySubmitted(*earlier)
            if any(self._read(task.task_id) for task in tasks):
                raise StaleTask(tasks[0].task_id)
            self._require_room(tasks)
            if self.full:
                raise StoreFull("the fake is full")
            if charge:
                self.rate_limits.count(charge, len(tasks))
            saved = [self.save(Change(before=None, after=task)) for task in tasks]
            if idempotency_record:
                ids, at = [task.task_id for task in saved], saved[0].submitted_at
                self.idempotency_records[idempotency_record.key] = (
                    idempotency_record.request_hash,
                    ids,
                    at,
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
                self.occurrences[Occurrence.RUN_LOST] += 1
            if change.only_if_lease_expired:
                self.occurrences[Occurrence.LEASE_LOST] += 1
            if change.before and change.log:
                self._add_lines(change.before, [change.log])
            if change.before:
                self._add_attempt(change.before, task)
            self._add_change(change.before, task)
            self._write(task)
            self._tell(event_of(change.before, task), task)
            if count := count_of(change.before, change.after):
                self.counts.append((self._clock.now(), count))
            if (
                task.spec.callback_url
                and task.status.is_final
                and not (change.before and change.before.status.is_final)
            ):
                self.ended.append(task)
            return task

    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        return [
            None if change.after.task_id in self.damaged else self._save_or_none(change)
            for change in changes
        ]

    def due(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            due = [task for task in self._all() if task.is_due(self._clock.now())]
            in_order = sorted(due, key=lambda task: task.due_at or task.submitted_at)
            return self._not_aside(Backlog.DUE, in_order)[:limit]

    def expiring(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            now = self._clock.now()
            late = [
                task for task in self._all() if task.status.is_waiting and task.has_expired(now)
            ]
            return self._not_aside(Backlog.EXPIRING, late)[:limit]

    def remove(self, task: Task) -> None:
        with self._reached():
            self._require_version(task.task_id, task)
            del self._records[task.task_id]
            self.attempts.pop(task.task_id, None)
            self._forget_history(task.task_id)
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
            return [
                short(task) for task in finished if task.finished_at and task.finished_at <= due
            ][:limit]

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

    def _require_room(self, tasks: Sequence[Task]) -> None:
        unknown = {task.spec.queue for task in tasks} - self.queues
        if unknown and len(self.queues) + len(unknown) > self.max_queues:
            places = [place for place, task in enumerate(tasks) if task.spec.queue in unknown]
            raise TooManyQueues(self.max_queues, places)

    def _with_omitted(self, change: Change) -> Change:
        """The change with the stored members that were not read."""
        after, stored = change.after, self._read(change.after.task_id)
        if change.before is None or stored is None:
            return change
        if change.before.spec.secrets is after.spec.secrets is None:
            spec = after.spec.with_payload(after.spec.payload, stored.spec.secrets)
            after = Task.restore({**vars(after), "spec": spec})
        if not after.omitted:
            return replace(change, after=after)
        encode_changes(change.before, after)  # refuses a change of what was not read
        payload = stored.spec.payload if "payload" in after.omitted else after.spec.payload
        result = stored.result if "result" in after.omitted else after.result
        whole = replace(after, spec=replace(after.spec, payload=payload), result=result, omitted=())
        return replace(change, after=whole)

    def _require_version(self, task_id: str, expected: Task | None) -> None:
        stored = self._read(task_id)
        if (stored and stored.version) != (expected and expected.version):
            raise StaleTask(task_id)

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

    def _stamped(self, change: Change) -> Task:
        """Return the task with the store's own times, and with the progress of a run that goes on
        or failed.
        """
        task, before = change.after, change.before
        if before is None:
            task = replace(task, submitted_at=self._clock.now())
        if task.finished_at and not (before and before.finished_at):
            task = replace(task, finished_at=self._clock.now())
        stored = self._read(task.task_id)
        keeps = not task.status.is_waiting and task.status is not Status.COMPLETED
        return replace(task, progress=stored.progress if stored and keeps else None)
