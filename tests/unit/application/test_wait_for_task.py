"""Waiting for a task to become final."""

import gc
from collections.abc import Callable
from datetime import timedelta
from weakref import ref

import pytest

from application.errors import TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.callers import Anyone
from application.ports.event_stream import Subscription, TaskEvent
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.wait_for_task import WaitForTask
from domain.status import Status
from domain.task import Task
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream, FakeSubscription
from tests.fakes.task_store import FakeTaskStore
from tests.storing import rename, stored, submit


@pytest.fixture
def stream(store: FakeTaskStore, clock: FakeClock) -> FakeEventStream:
    return FakeEventStream(store, clock)


@pytest.fixture
def cancel(store: FakeTaskStore, clock: FakeClock) -> Callable[[str], Task]:
    return CancelTask(OptimisticUpdate(store), clock).execute


@pytest.fixture
def wait(stream: FakeEventStream, clock: FakeClock) -> WaitForTask:
    return WaitForTask(stream, clock, Anyone())


def test_a_wait_for_a_final_task_ends_at_once(store, wait, cancel, clock) -> None:
    task = cancel(submit(store).task_id)
    began = clock.now()

    wait.execute(task.task_id, 60)

    assert clock.now() == began


def test_the_final_event_ends_the_wait(store, stream, wait, cancel, clock, monkeypatch) -> None:
    task = submit(store)
    began = clock.now()
    subscribe = stream.subscribe

    def subscribe_while_it_is_cancelled(task_id: str) -> Subscription:
        subscription = subscribe(task_id)
        monkeypatch.setattr(store, "get", read_before)
        return subscription

    def read_before(task_id: str) -> Task | None:
        """The event comes right after this read."""
        monkeypatch.undo()
        before = store.get(task_id)
        cancel(task_id)
        return before

    monkeypatch.setattr(stream, "subscribe", subscribe_while_it_is_cancelled)

    wait.execute(task.task_id, 60)

    assert stored(store, task).status is Status.CANCELLED
    assert clock.now() == began
    assert stream.followers == 0


def test_a_wait_ends_after_its_seconds(store, wait, clock) -> None:
    task = submit(store)
    began = clock.now()

    wait.execute(task.task_id, 7)

    assert clock.now() - began == timedelta(seconds=7)


def test_no_task_is_held_during_a_wait(store, stream, wait, cancel, monkeypatch) -> None:
    task = submit(store)
    seen: list[ref[Task | TaskEvent]] = []
    held: list[object] = []
    get, next_event = store.get, FakeSubscription.next

    def get_and_look_later(task_id: str) -> Task | None:
        task = get(task_id)
        seen.append(ref(task))
        return task

    def look_and_wait(self: Subscription, seconds: float) -> TaskEvent | None:
        gc.collect()
        held.extend(each() for each in seen if each())
        store.save(rename(task, "new")) if len(seen) < 3 else cancel(task.task_id)
        event = next_event(self, seconds)
        seen.append(ref(event))
        return event

    monkeypatch.setattr(store, "get", get_and_look_later)
    monkeypatch.setattr(FakeSubscription, "next", look_and_wait)

    wait.execute(task.task_id, 60)

    assert stored(store, task).status is Status.CANCELLED
    assert len(seen) > 4
    assert held == []


def test_a_wait_ends_with_the_process(store, stream, wait, clock) -> None:
    task = submit(store)
    began = clock.now()
    stream.close()

    wait.execute(task.task_id, 7)

    assert clock.now() == began


def test_the_delete_of_a_waiting_task_ends_the_wait(store, wait, clock, monkeypatch) -> None:
    task = submit(store)
    began = clock.now()
    next_event = FakeSubscription.next

    def delete_and_wait(self: FakeSubscription, seconds: float) -> TaskEvent | None:
        monkeypatch.undo()
        store.remove(task)
        return next_event(self, seconds)

    monkeypatch.setattr(FakeSubscription, "next", delete_and_wait)

    wait.execute(task.task_id, 60)

    assert clock.now() == began


def test_a_wait_ends_when_the_task_is_deleted_before_it_is_followed(
    store, stream, wait, clock, monkeypatch
) -> None:
    task = submit(store)
    began = clock.now()
    subscribe = stream.subscribe

    def subscribe_after_a_delete(task_id: str) -> Subscription:
        store.remove(task)
        return subscribe(task_id)

    monkeypatch.setattr(stream, "subscribe", subscribe_after_a_delete)

    wait.execute(task.task_id, 7)

    assert clock.now() == began


def test_waiting_for_an_unknown_task_raises(wait) -> None:
    with pytest.raises(TaskNotFound):
        wait.execute("nonsense", 7)
