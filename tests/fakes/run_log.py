from collections.abc import Sequence
from dataclasses import replace

from application.ports.run import LogLine, RunLog, RunReport
from domain.events import Event
from domain.task import Task
from domain.task_state import Progress
from tests.fakes.records import FakeRecords


class FakeRunLog(FakeRecords, RunLog):
    def append(
        self, run: Task, *, progress: Progress | None = None, lines: Sequence[str] = ()
    ) -> bool:
        with self._reached():
            stored = self._read(run.task_id)
            if stored is None or not stored.is_run_of(run.fencing_token):
                return False
            self._add_lines(run, lines)
            if progress:
                self._write(replace(stored, progress=progress))
                self._tell(Event.PROGRESS, replace(stored, progress=progress))
            return True

    def append_each(self, reports: Sequence[RunReport]) -> None:
        with self._reached():
            for report in reports:
                self.append(report.run, progress=report.progress, lines=report.lines)

    def lines(self, task_id: str, after: int = 0, *, limit: int | None = None) -> Sequence[LogLine]:
        with self._reached():
            return [line for line in self.logs.get(task_id, []) if line.number > after][:limit]
