from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.statistics import Durations, Minute, Occurrence, Statistics
from domain.events import Event
from domain.status import Status
from tests.fakes.task_store import FakeTaskStore

MINUTE = timedelta(minutes=1)


class FakeStatistics(Statistics):
    def __init__(self, store: FakeTaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def by_status(self) -> Mapping[Status, int]:
        return {
            status: sum(task.status is status for task in self._store.tasks()) for status in Status
        }

    def by_type(self) -> Mapping[str, int]:
        return Counter(task.spec.type for task in self._store.tasks())

    def by_queue(self) -> Mapping[str, int]:
        return Counter(task.spec.queue for task in self._store.tasks())

    def last_hour(self) -> Sequence[Minute]:
        present = self._clock.now().replace(second=0, microsecond=0)
        return [self._minute(present - number * MINUTE) for number in range(59, -1, -1)]

    def durations(self, *, tasks: int) -> Durations:
        finished = [task for task in self._store.tasks() if task.started_at and task.finished_at][
            -tasks:
        ]
        pairs = [
            (
                (
                    task.started_at - max(task.submitted_at, task.spec.run_at or task.submitted_at)
                ).total_seconds(),
                (task.finished_at - task.started_at).total_seconds(),
            )
            for task in finished
            if task.started_at and task.finished_at
        ]
        return Durations(wait=[max(wait, 0) for wait, _ in pairs], run=[run for _, run in pairs])

    def occurrences(self) -> Mapping[Occurrence, int]:
        self._store.check()
        return {each: self._store.occurrences[each] for each in Occurrence}

    def _minute(self, begins_at: datetime) -> Minute:
        def count(events: set[Event], member: str) -> int:
            return sum(
                event in events and begins_at <= getattr(task, member) < begins_at + MINUTE
                for event, task in self._store.events
            )

        return Minute(
            begins_at=begins_at,
            submitted=count({Event.SUBMITTED, Event.SCHEDULED}, "submitted_at"),
            completed=count({Event.COMPLETED}, "finished_at"),
            failed=count({Event.FAILED}, "finished_at"),
        )
