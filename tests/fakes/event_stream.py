"""An event stream of the fake store's events. Time passes only when no event is left."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from application.ports.event_stream import EventStream, StreamEnded, Subscription, TaskEvent
from domain.task import Task
from tests.fakes.clock import FakeClock
from tests.fakes.records import short
from tests.fakes.task_store import FakeTaskStore


class FakeSubscription(Subscription):
    def __init__(self, stream: "FakeEventStream", task_id: str | None, at: int) -> None:
        self.position = _position(at)
        self._stream = stream
        self._task_id = task_id
        self._at = at
        self._ended = False

    def next(self, seconds: float) -> TaskEvent | None:
        while not self._is_over and self._at < len(self._stream.store.events):
            self._at += 1
            event = self._stream.event(self._at)
            if self._task_id in (None, event.task.task_id):
                return event
        if self._is_over:
            raise StreamEnded
        self._stream.clock.advance(timedelta(seconds=seconds))
        return None

    def end(self) -> None:
        self._ended = True

    def close(self) -> None:
        self._stream.followers -= 1

    @property
    def _is_over(self) -> bool:
        return self._ended or self._stream.closed


class FakeEventStream(EventStream):
    def __init__(self, store: FakeTaskStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.closed = False
        self.followers = 0
        self.dropped = 0
        """Number of the first events that are no longer stored."""

    def subscribe(self, task_id: str | None = None) -> Subscription:
        if self.closed:
            raise StreamEnded
        self.store.check()
        self.followers += 1
        return FakeSubscription(self, task_id, len(self.store.events))

    def can_resume_after(self, position: str) -> bool:
        return self.dropped <= _number(position) <= len(self.store.events)

    def between(
        self, after: str, until: str, task_id: str | None, *, limit: int
    ) -> Iterator[TaskEvent]:
        events = map(self.event, range(_number(after) + 1, _number(until) + 1))
        return islice((each for each in events if task_id in (None, each.task.task_id)), limit)

    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        task = self.store.get(task_id)
        return task and short(task), _position(len(self.store.events))

    def lag(self, position: str) -> float:
        """The events of the fake have no time of their own: each is a second old."""
        self.store.check()
        return 1.0 if _number(position) < len(self.store.events) else 0.0

    def close(self) -> None:
        self.closed = True

    def event(self, number: int) -> TaskEvent:
        place = number - 1
        event, task = self.store.events[place]
        return TaskEvent(
            position=_position(number),
            event=event,
            task=task,
            actor=self.store.event_actors[place],
            skip=self.store.skips.get(place),
        )


def _position(number: int) -> str:
    return f"{number}-0"


def _number(position: str) -> int:
    number, zero = position.split("-")
    int(zero)
    return int(number)
