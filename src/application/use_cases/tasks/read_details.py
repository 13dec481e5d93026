"""Read what is stored beside a task: its place in the queue, its log, its deliveries."""

from collections.abc import Sequence

from application.ports.outbox import Outbox
from application.ports.run import LogLine, RunLog
from application.ports.task_repository import TaskRepository
from domain.task import Task
from domain.webhook import Delivery


class ReadDetails:
    """Every method raises StoreUnavailable."""

    def __init__(self, repository: TaskRepository, run_log: RunLog, outbox: Outbox) -> None:
        self._repository = repository
        self._run_log = run_log
        self._outbox = outbox

    def queue_position(self, task: Task) -> int | None:
        """Return the position of a QUEUED task, where the one that starts first has 1.

        None for any other task.
        """
        return self._repository.positions([task]).get(task.task_id)

    def log(self, task_id: str, after: int = 0) -> Sequence[LogLine]:
        """Return those of the last 1,000 lines that runs of the task logged whose number is greater
        than `after`, oldest first.

        Raises TaskNotFound.
        """
        self._repository.get_or_raise(task_id)
        return self._run_log.lines(task_id, after)

    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        """Return the last 1,000 delivery attempts, oldest first. Raises TaskNotFound."""
        self._repository.get_or_raise(task_id)
        return self._outbox.deliveries(task_id)
