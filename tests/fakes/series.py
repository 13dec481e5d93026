from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.series import HOUR, MINUTE, Series
from application.series import Interval
from application.task_totals import TaskTotals
from domain.status import Status
from tests.fakes.task_store import FakeTaskStore


class FakeSeries(Series):
    def __init__(self, store: FakeTaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._samples: dict[datetime, Counter[str]] = {}

    def sum_up(self) -> bool:
        queued = (task for task in self._store.tasks() if task.status is Status.QUEUED)
        minute = self._clock.now().replace(second=0, microsecond=0) - MINUTE
        self._samples.setdefault(minute, Counter(task.spec.queue for task in queued))
        return False

    def totals(self) -> TaskTotals:
        self._store.check()
        totals = TaskTotals()
        for at, count in self._store.counts:
            interval = Interval()
            interval.add(count, 1)
            totals.add(interval, int(at.timestamp()) // 60)
        return totals

    def latest(self, step: timedelta, number: int) -> Iterator[tuple[datetime, Interval]]:
        self._store.check()
        present = self._clock.now().replace(second=0, microsecond=0)
        present = present.replace(minute=0) if step == HOUR else present
        starts = [present - step * back for back in reversed(range(number))]
        return ((start, self._interval(start, start + step)) for start in starts)

    def _interval(self, start: datetime, end: datetime) -> Interval:
        whole, minute = Interval(), start
        while minute < end:
            interval = Interval()
            for at, count in self._store.counts:
                if minute <= at < minute + MINUTE:
                    interval.add(count, 1)
            if minute in self._samples:
                interval.sample(self._samples[minute])
            whole.follow(interval)
            minute += MINUTE
        return whole
