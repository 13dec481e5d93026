"""See how far tasks are from being started."""

from collections.abc import Mapping, Sequence

from application.ports.task_repository import TaskRepository
from domain.task import Task


class QueuePositions:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        """By task id: how many are in front of it in its queue, plus one. Those that are not QUEUED have no place."""
        return self._repository.positions(tasks)
