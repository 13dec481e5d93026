from collections import Counter
from collections.abc import Sequence

from application.ports.wake_ups import WakeUps
from domain.status import Status
from tests.fakes.task_store import FakeTaskStore


class FakeWakeUps(WakeUps):
    """Counts the wake-ups that wait in each queue of a fake store."""

    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store
        self.waiting: Counter[str] = Counter()

    def top_up_all(self) -> int:
        return sum(self.top_up(queue) for queue in sorted(self._store.queues))

    def top_up(self, queue: str) -> int:
        tasks = [task for task in self._store.tasks() if task.spec.queue == queue]
        queued = sum(task.status is Status.QUEUED for task in tasks)
        missing = max(queued - self.waiting[queue], 0)
        self.waiting[queue] += missing
        return missing

    def forget_unused(self) -> Sequence[str]:
        used = {task.spec.queue for task in self._store.tasks()}
        unused = self._store.queues - used - self._store.paused
        self._store.queues -= unused
        return sorted(unused)
