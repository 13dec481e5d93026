from tests.fakes.attempt_log import FakeAttemptLog
from tests.fakes.run_log import FakeRunLog
from tests.fakes.task_history import FakeTaskHistory
from tests.fakes.task_leases import FakeTaskLeases
from tests.fakes.task_repository import FakeTaskRepository


class FakeTaskStore(
    FakeTaskRepository, FakeTaskLeases, FakeRunLog, FakeAttemptLog, FakeTaskHistory
):
    """One fake of each port over tasks, all on the same records."""
