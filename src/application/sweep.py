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
    more: bool
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
            mine = self._change(tasks, decide)
            changed += mine
            if not mine:  # other processes were faster, or all were set aside
                break
            if self._clock.monotonic() - began >= BUDGET_SECONDS:
                return Swept(tasks=changed, more=True)
        return Swept(tasks=changed, more=False)

    def _change(
        self, tasks: Sequence[Task], decide: Callable[[Task, datetime], Change]
    ) -> list[Task]:
        now = self._clock.now()
        stuck, able, changes = [], [], []
        for task in tasks:
            try:
                changes.append(decide(task, now))
                able.append(task)
            except Exception as error:  # one task must not end the sweep, whatever is wrong with it
                self._skipped_items.tell(f"sweep_{self._backlog}", task.task_id, error)
                stuck.append(task)
        saved = self._repository.save_many(changes)
        stuck += [task for task, after in zip(able, saved, strict=True) if after is None]
        if stuck:
            self._repository.set_aside(self._backlog, stuck)
        return [task for task in saved if task]
