"""Read, decide, write: again when somebody else was faster."""

from collections.abc import Callable
from typing import TypeVar

from application.errors import StaleTask
from application.ports.task_repository import Change, TaskRepository
from domain.task import Task

MAX_ATTEMPTS = 20
"""Each lost race means that somebody else won one, so progress is made; more than this is a fault."""

T = TypeVar("T")


class OptimisticUpdate:
    """Applies what a use case decides to the stored task by compare-and-set."""

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
        """Returns the task as saved. Raises TaskNotFound, StaleTask, and what the transition raises.

        `known` is the task as the caller last saw it: the first try then needs no read.
        `log` returns the line of the task's log about the change, from the task before and after; empty: none.
        """

        def save(before: Task) -> Task:
            after = transition(before)
            if after == before:
                return before
            return self._repository.save(Change(before=before, after=after, log=log(before, after)))

        return self.with_retries(task_id, save, known=known)

    def with_retries(self, task_id: str, write: Callable[[Task], T], *, known: Task | None = None) -> T:
        """Call `write` with the task as it is stored until it does not meet StaleTask, 20 times at most."""
        for _ in range(MAX_ATTEMPTS):
            task = known or self._repository.get_or_raise(task_id)
            try:
                return write(task)
            except StaleTask:
                known = None
        raise StaleTask(task_id)
