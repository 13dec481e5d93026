"""Change the tasks of a backlog, batch by batch, until none is left or the time is up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from application.ports.clock import Clock
from application.ports.task_repository import Backlog, Change, TaskRepository
from application.skipped_items import SkippedItems
from domain.task import Task

BATCH = 100
"""Number of tasks. Small, so that a sweep ends soon after its time is up, even on a busy
machine."""
BUDGET_SECONDS = 0.1
"""Time after which no batch begins, so that every duty of maintenance has its turn within a
second."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The result of a sweep."""

    tasks: Sequence[Task]
    """The changed tasks, as saved."""
    is_unfinished: bool
    """True when the time was up before the backlog was empty."""


class Sweep:
    """Any number of processes may sweep at the same time: each change is made by one of them.

    A task that cannot be changed is set aside, so that it neither ends the sweep nor fills its
    batches.
    """

    def __init__(self, repository: TaskRepository, clock: Clock, backlog: Backlog) -> None:
        """`clock` is the store's, since it decides what is due."""
        self._repository = repository
        self._clock = clock
        self._backlog = backlog
        self._skipped_items = SkippedItems()

    def run(
        self, read: Callable[[int], Sequence[Task]], decide: Callable[[Task, datetime], Change]
    ) -> Swept:
        """Sweep once.

        `read` returns a batch up to its limit; `decide` returns the change of one task.
        """
        began = self._clock.monotonic()
        changed: list[Task] = []
        while tasks := read(BATCH):
            changed_now, set_aside = self._change(tasks, decide)
            changed += changed_now
            if not changed_now and not set_aside:  # other processes were faster
                break
            if self._clock.monotonic() - began >= BUDGET_SECONDS:
                return Swept(tasks=changed, is_unfinished=True)
        return Swept(tasks=changed, is_unfinished=False)

    def _change(
        self, tasks: Sequence[Task], decide: Callable[[Task, datetime], Change]
    ) -> tuple[list[Task], list[Task]]:
        """Return the tasks as saved, and those that were set aside."""
        now = self._clock.now()
        set_aside: list[Task] = []
        changeable, changes = [], []
        for task in tasks:
            try:
                changes.append(decide(task, now))
                changeable.append(task)
            except Exception as error:  # one task must not end the sweep, whatever is wrong with it
                self._skipped_items.log_once(f"sweep_{self._backlog}", task.task_id, error)
                set_aside.append(task)
        saved = self._repository.save_many(changes)
        set_aside += [task for task, after in zip(changeable, saved, strict=True) if after is None]
        if set_aside:
            self._repository.set_aside(self._backlog, set_aside)
        return [task for task in saved if task], set_aside
