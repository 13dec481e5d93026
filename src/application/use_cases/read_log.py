"""Read what the runs of a task logged."""

from collections.abc import Sequence

from application.ports.run_reports import LogLine, RunReports
from application.ports.task_repository import TaskRepository


class ReadLog:
    def __init__(self, repository: TaskRepository, reports: RunReports) -> None:
        self._repository = repository
        self._reports = reports

    def execute(self, task_id: str) -> Sequence[LogLine]:
        """The last 1,000 lines, oldest first. Raises TaskNotFound."""
        self._repository.require(task_id)
        return self._reports.lines(task_id)
