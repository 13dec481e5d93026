"""Update tasks by optimistic concurrency: read, decide, compare-and-set; retry a lost race."""

from collections.abc import Callable
from typing import TypeVar

from application.errors import StaleTask
from application.ports.task_repository import Change, TaskRepository
from domain.task import Task

MAX_ATTEMPTS = 20
"""Each lost race means that another writer succeeded. More of them in a row are a fault."""

T = TypeVar("T")


class OptimisticUpdate:
    """Applies a transition to the stored task by compare-and-set."""

    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def apply(
        self,
        task_id: str,
        transition: Callable[[Task], Task],
        *,
        known: Task | None = None,
        log: Callable[[Task, Task], str] = lambda before, after: "",
    ) -> Task:
        """Return the task as saved. Raises TaskNotFound, StaleTask, and the errors of the
        transition.

        `known` is the task as the caller last saw it; the first attempt then needs no read. `log`
        takes the task before and after and returns the line of the task's log; empty for none.
        """

        def save(before: Task) -> Task:
            after = transition(before)
            if after == before:
                return before
            return self._repository.save(Change(before=before, after=after, log=log(before, after)))

        return self.with_retries(task_id, save, known=known)

    def apply_with_position(
        self, task_id: str, transition: Callable[[Task], Task]
    ) -> tuple[Task, int | None]:
        """Return the task as saved and, while it is QUEUED, its position.

        Raises the errors of `apply`.
        """

        def save(before: Task) -> tuple[Task, int | None]:
            after = transition(before)
            if after == before:
                return before, self._repository.positions([before]).get(task_id)
            return self._repository.save_with_position(Change(before=before, after=after))

        return self.with_retries(task_id, save)

    def with_retries(
        self, task_id: str, write: Callable[[Task], T], *, known: Task | None = None
    ) -> T:
        """Call `write` with the stored task until it raises no StaleTask, at most MAX_ATTEMPTS
        times.
        """
        for _ in range(MAX_ATTEMPTS):
            task = known or self._repository.get_or_raise(task_id)
            try:
                return write(task)
            except StaleTask:
                known = None
        raise StaleTask(task_id)
