"""Read what the runs of a task logged."""

from collections.abc import Sequence

from application.ports.run import LogLine, RunLog
from application.ports.task_repository import TaskRepository


class ReadLog:
    def __init__(self, repository: TaskRepository, run_log: RunLog) -> None:
        self._repository = repository
        self._run_log = run_log

    def execute(self, task_id: str) -> Sequence[LogLine]:
        """The last 1,000 lines, oldest first. Raises TaskNotFound."""
        self._repository.get_or_raise(task_id)
        return self._run_log.lines(task_id)
