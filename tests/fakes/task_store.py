from tests.fakes.run_log import FakeRunLog
from tests.fakes.task_leases import FakeTaskLeases
from tests.fakes.task_repository import FakeTaskRepository


class FakeTaskStore(FakeTaskRepository, FakeTaskLeases, FakeRunLog):
    """One fake of each port over tasks, all on the same records."""
