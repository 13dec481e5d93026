"""Go through tasks that are due for a transition, batch by batch, until none is left."""

from collections.abc import Callable, Sequence

from application.ports.task_repository import Change, TaskRepository
from domain.task import Task

BATCH = 500


class Sweep:
    """Any number of processes may sweep at once: each change is made by one of them."""

    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def run(
        self, read: Callable[[int], Sequence[Task]], decide: Callable[[Sequence[Task]], Sequence[Change]]
    ) -> list[Task]:
        """Answers the tasks that this sweep changed, as saved. It ends when others are faster than it, too.

        `read` answers a batch of so many tasks at most; `decide` what becomes of one batch.
        """
        changed: list[Task] = []
        while tasks := read(BATCH):
            mine = [task for task in self._repository.save_each(decide(tasks)) if task]
            changed += mine
            if not mine:
                break
        return changed
