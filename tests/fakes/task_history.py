from application.ports.task_history import StoredHistory, TaskHistory
from tests.fakes.records import FakeRecords


class FakeTaskHistory(FakeRecords, TaskHistory):
    def stored(self, task_id: str) -> StoredHistory:
        with self._reached():
            return StoredHistory(
                submitted_by=self.submitters.get(task_id),
                completed_by=self.completers.get(task_id),
                changes=tuple(self.changes.get(task_id, ())),
            )
