from collections.abc import Sequence

from application.owners import runs_beside_others
from application.ports.queues import Queues, QueueState
from domain.status import Status
from domain.task import Task
from domain.task_spec import IO
from tests.fakes.task_store import FakeTaskStore


class FakeQueues(Queues):
    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store

    def names(self) -> Sequence[str]:
        return sorted(self._store.queues | self._store.paused)

    def waiting(self) -> Sequence[str]:
        return sorted(
            {task.spec.queue for task in self._store.tasks() if task.status is Status.QUEUED}
        )

    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        return [self._state(name) for name in names]

    def pause(self, name: str) -> None:
        self._store.paused.add(name)

    def resume(self, name: str) -> None:
        self._store.paused.discard(name)

    def forget(self, name: str) -> bool:
        if any(task.spec.queue == name for task in self._store.tasks()):
            return False
        self._store.paused.discard(name)
        self._store.queues.discard(name)
        return True

    def _state(self, name: str) -> QueueState:
        waiting = self._in(name, Status.QUEUED)
        return QueueState(
            name=name,
            depth=len(waiting),
            io_depth=sum(task.spec.pool == IO for task in waiting),
            processing=len(self._in(name, Status.PROCESSING)),
            io_processing=sum(
                runs_beside_others(task) for task in self._in(name, Status.PROCESSING)
            ),
            scheduled=len(self._in(name, Status.SCHEDULED)),
            oldest_waiting_since=min(
                (max(task.submitted_at, task.spec.run_at or task.submitted_at) for task in waiting),
                default=None,
            ),
            paused=name in self._store.paused,
        )

    def _in(self, name: str, status: Status) -> list[Task]:
        return [
            task
            for task in self._store.tasks()
            if task.spec.queue == name and task.status is status
        ]
