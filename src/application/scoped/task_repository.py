"""The tasks that the present caller has, as if there were no others."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from application.access import Caller
from application.ports.callers import Callers
from application.ports.rate_limits import Charge
from application.ports.task_repository import (
    Backlog,
    Change,
    IdempotencyRecord,
    IdPage,
    PageRequest,
    TaskPage,
    TaskRepository,
)
from application.task_filter import TaskFilter
from domain.task import Task


class ScopedTaskRepository(TaskRepository):
    """Reads only the caller's tasks. Writes need a task that was read, so they need no check.

    Admission decides what a caller may store. Sweeps are maintenance's, which has every task.
    """

    def __init__(self, tasks: TaskRepository, callers: Callers) -> None:
        self._tasks = tasks
        self._callers = callers

    def get(self, task_id: str) -> Task | None:
        task = self._tasks.get(task_id)
        return task if task and self._has(task) else None

    def get_with_position(self, task_id: str) -> tuple[Task, int | None] | None:
        found = self._tasks.get_with_position(task_id)
        if found is None or not self._has(found[0]):
            return None
        return found if self._caller.sees_positions else (found[0], None)

    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        return [task for task in self._tasks.get_many(task_ids) if self._has(task)]

    def find(self, wanted: TaskFilter, page_request: PageRequest) -> TaskPage:
        return self._tasks.find(self._caller.narrow(wanted), page_request)

    def find_ids(self, wanted: TaskFilter, page_request: PageRequest) -> IdPage:
        return self._tasks.find_ids(self._caller.narrow(wanted), page_request)

    def each_with_position(self, task_ids: Sequence[str]) -> Iterator[tuple[Task, int | None]]:
        caller = self._caller
        for task, position in self._tasks.each_with_position(task_ids):
            if caller.scope.matches(task):
                yield task, position if caller.sees_positions else None

    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        return self._tasks.positions(tasks) if self._caller.sees_positions else {}

    def add(
        self,
        tasks: Sequence[Task],
        idempotency_record: IdempotencyRecord | None = None,
        charge: Charge | None = None,
    ) -> Sequence[Task]:
        return self._tasks.add(tasks, idempotency_record, charge)

    def save(self, change: Change) -> Task:
        return self._tasks.save(change)

    def save_with_position(self, change: Change) -> tuple[Task, int | None]:
        if self._caller.sees_positions:
            return self._tasks.save_with_position(change)
        return self._tasks.save(change), None

    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        return self._tasks.save_many(changes)

    def due(self, *, limit: int) -> Sequence[Task]:
        return self._tasks.due(limit=limit)

    def expiring(self, *, limit: int) -> Sequence[Task]:
        return self._tasks.expiring(limit=limit)

    def remove(self, task: Task) -> None:
        self._tasks.remove(task)

    def remove_many(self, tasks: Sequence[Task]) -> Sequence[bool]:
        return self._tasks.remove_many(tasks)

    def discarded(self, *, limit: int) -> Sequence[Task]:
        return self._tasks.discarded(limit=limit)

    def past_retention(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        return self._tasks.past_retention(retention, limit=limit)

    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        self._tasks.set_aside(backlog, tasks)

    @property
    def _caller(self) -> Caller:
        return self._callers.current()

    def _has(self, task: Task) -> bool:
        caller = self._caller
        return caller.has_every_task or caller.scope.matches(task)
