from collections.abc import Iterable, Sequence

from application.ports.wake_ups import WakeUps
from domain.status import Status
from domain.task import Task
from tests.fakes.task_store import FakeTaskStore


class FakeWakeUps(WakeUps):
    """Each QUEUED task has a wake-up, unless `lose` took it away. Counts the calls that top up."""

    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store
        self._lost: set[str] = set()
        self.calls = 0

    def lose(self) -> None:
        self._lost = {task.task_id for task in self._queued()}

    def top_up_all(self) -> int:
        return self._add(
            task for task in self._queued() if task.spec.queue not in self._store.paused
        )

    def top_up(self, queue: str) -> int:
        return self._add(task for task in self._queued() if task.spec.queue == queue)

    def forget_unused(self) -> Sequence[str]:
        named = {task.spec.queue for task in self._store.tasks()}
        unused = self._store.queues - named - self._store.paused
        self._store.queues -= unused
        return sorted(unused)

    def _queued(self) -> list[Task]:
        return [task for task in self._store.tasks() if task.status is Status.QUEUED]

    def _add(self, tasks: Iterable[Task]) -> int:
        self.calls += 1
        missing = self._lost & {task.task_id for task in tasks}
        self._lost -= missing
        return len(missing)
