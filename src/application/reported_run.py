"""What the work says while it runs, passed on to the store."""

import logging

from application.errors import StoreUnavailable
from application.ports.run_context import RunContext
from application.ports.run_reports import RunReports
from domain.task import Progress, Task

logger = logging.getLogger(__name__)


class ReportedRun(RunContext):
    def __init__(self, run: Task, reports: RunReports) -> None:
        self._run = run
        self._reports = reports

    def progress(self, fraction: float, message: str = "") -> None:
        progress = Progress(fraction=min(max(float(fraction), 0.0), 1.0), message=str(message))
        try:
            self._reports.progress(self._run, progress)
        except StoreUnavailable as error:
            self._dropped(error)

    def log(self, message: str) -> None:
        try:
            self._reports.log(self._run, str(message))
        except StoreUnavailable as error:
            self._dropped(error)

    def _dropped(self, error: StoreUnavailable) -> None:
        logger.warning(
            "Dropped what a run said: %s",
            error.reason,
            extra={"action": "report_dropped", "task_id": self._run.task_id},
        )
