"""Cancel, retry or delete many tasks with one call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from application.ports.clock import Clock
from application.ports.task_repository import Change, PageRequest, TaskRepository
from application.task_filter import TaskFilter
from domain.errors import TransitionRefused
from domain.task import Task

MAX_TASKS = 10_000
PAGE = 250
"""Number of tasks in memory at a time, which bounds memory and garbage collection for large
tasks."""
MAX_ATTEMPTS = 5
"""Number of times that a task is read when other requests keep changing it."""


class Action(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class ActionReport:
    matched: int
    """Number of matching tasks that were processed."""
    done: int
    """Number of changed tasks; the state of the others did not allow it. 0 after a dry run."""
    would_be_done: int | None = None
    """Number of tasks that would have been changed. None unless it was a dry run."""
    remaining: int
    """Lower bound on matching tasks that were not processed; 0 means all were."""


class BulkAction:
    def __init__(self, repository: TaskRepository, clock: Clock) -> None:
        """`clock` is the store's, since it decides what has expired."""
        self._repository = repository
        self._clock = clock

    def execute(
        self, action: Action, wanted: TaskFilter | Sequence[str], *, dry_run: bool = False
    ) -> ActionReport:
        """Process at most 10,000 tasks. Raises StoreUnavailable; changes made before it stay."""
        matched = able = remaining = 0
        for tasks in self._batches(wanted):
            if matched >= MAX_TASKS:
                remaining = len(tasks)
                break
            matched += len(tasks)
            able += self._count_able(action, tasks) if dry_run else self._do(action, tasks)
        if dry_run:
            return ActionReport(matched=matched, done=0, would_be_done=able, remaining=remaining)
        return ActionReport(matched=matched, done=able, remaining=remaining)

    def _batches(self, wanted: TaskFilter | Sequence[str]) -> Iterator[Sequence[Task]]:
        if not isinstance(wanted, TaskFilter):
            ids = list(dict.fromkeys(wanted))
            yield from (
                self._repository.get_many(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE)
            )
            return
        page_request: PageRequest | None = PageRequest(limit=PAGE)
        while page_request is not None:
            page = self._repository.find(wanted, page_request)
            page_request = PageRequest(limit=PAGE, after=page.next) if page.next else None
            if page.tasks:
                yield page.tasks

    def _count_able(self, action: Action, tasks: Sequence[Task]) -> int:
        now = self._clock.now()
        return sum(self._allows(action, task, now) for task in tasks)

    def _do(self, action: Action, tasks: Sequence[Task]) -> int:
        """Change the tasks whose state allows it.

        Tasks that other requests changed meanwhile are read again.
        """
        done = 0
        for _ in range(MAX_ATTEMPTS):
            now = self._clock.now()
            able = [task for task in tasks if self._allows(action, task, now)]
            if not able:
                break
            made = self._save(action, able, now)
            done += sum(made)
            stale = [task.task_id for task, is_made in zip(able, made, strict=True) if not is_made]
            tasks = self._repository.get_many(stale) if stale else []
        return done

    def _save(self, action: Action, tasks: Sequence[Task], now: datetime) -> Sequence[bool]:
        if action is Action.DELETE:
            return self._repository.remove_many(tasks)
        changes = [Change(before=task, after=_transition(action, task, now)) for task in tasks]
        return [saved is not None for saved in self._repository.save_many(changes)]

    def _allows(self, action: Action, task: Task, now: datetime) -> bool:
        try:
            return _transition(action, task, now) != task or action is Action.DELETE
        except TransitionRefused:
            return False


def _transition(action: Action, task: Task, now: datetime) -> Task:
    if action is Action.DELETE:
        task.ensure_deletable()
        return task
    return task.cancel(now) if action is Action.CANCEL else task.retry(now)
