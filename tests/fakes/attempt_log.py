from collections.abc import Sequence

from application.ports.attempt_log import AttemptLog, Requeued
from domain.attempt import Attempt
from tests.fakes.records import FakeRecords


class FakeAttemptLog(FakeRecords, AttemptLog):
    def entries(self, task_id: str) -> Sequence[Attempt | Requeued]:
        with self._reached():
            return list(self.attempts.get(task_id, []))
