"""Do the same to many tasks."""

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
"""Bounds what a page of the largest tasks costs at once, the garbage collection of it included."""
MAX_ATTEMPTS = 5
"""How often a task is looked at that others change at the same time."""


class Action(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class ActionReport:
    matched: int
    """How many tasks were looked at."""
    done: int
    """Number of tasks to which it was done; the state of the others does not allow it. 0 after a dry run."""
    would_be_done: int | None = None
    """Number of tasks to which a dry run would have done it. None unless it was one."""
    remaining: int
    """At least so many match that were not looked at; with 0 there is none."""


class BulkAction:
    def __init__(self, repository: TaskRepository, clock: Clock) -> None:
        """`clock` is the store's, since it decides what has expired."""
        self._repository = repository
        self._clock = clock

    def execute(self, action: Action, wanted: TaskFilter | Sequence[str], *, dry_run: bool = False) -> ActionReport:
        """At most 10,000 tasks a call. What was done stays done when StoreUnavailable ends it."""
        matched = able = remaining = 0
        for tasks in self._batches(wanted):
            if matched >= MAX_TASKS:
                remaining = len(tasks)
                break
            matched += len(tasks)
            able += self._would(action, tasks) if dry_run else self._do(action, tasks)
        if dry_run:
            return ActionReport(matched=matched, done=0, would_be_done=able, remaining=remaining)
        return ActionReport(matched=matched, done=able, remaining=remaining)

    def _batches(self, wanted: TaskFilter | Sequence[str]) -> Iterator[Sequence[Task]]:
        if not isinstance(wanted, TaskFilter):
            ids = list(dict.fromkeys(wanted))
            yield from (self._repository.get_many(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE))
            return
        window: PageRequest | None = PageRequest(limit=PAGE)
        while window is not None:
            page = self._repository.find(wanted, window)
            window = PageRequest(limit=PAGE, after=page.next) if page.next else None
            if page.tasks:
                yield page.tasks

    def _would(self, action: Action, tasks: Sequence[Task]) -> int:
        now = self._clock.now()
        return sum(self._allows(action, task, now) for task in tasks)

    def _do(self, action: Action, tasks: Sequence[Task]) -> int:
        """Those that others changed meanwhile are looked at again."""
        done = 0
        for _ in range(MAX_ATTEMPTS):
            now = self._clock.now()
            able = [task for task in tasks if self._allows(action, task, now)]
            if not able:
                break
            made = self._make(action, able, now)
            done += sum(made)
            stale = [task.task_id for task, is_made in zip(able, made, strict=True) if not is_made]
            tasks = self._repository.get_many(stale) if stale else []
        return done

    def _make(self, action: Action, tasks: Sequence[Task], now: datetime) -> Sequence[bool]:
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
