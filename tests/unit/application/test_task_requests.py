"""Callers read, list, retry and delete tasks, and see their logs."""

from datetime import timedelta

import pytest

from application.admission import Admission
from application.errors import TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.task_repository import Change, PageRequest
from application.task_filter import EVERY_TASK
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.delete_task import DeleteTask
from application.use_cases.tasks.get_task import GetTask
from application.use_cases.tasks.list_tasks import ListTasks
from application.use_cases.tasks.read_details import ReadDetails
from application.use_cases.tasks.retry_task import RetryTask
from application.use_cases.tasks.update_task import UpdateTask
from domain.errors import TaskRunning
from domain.status import Status
from domain.task_spec import TaskPatch
from tests.building import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.outbox import FakeOutbox
from tests.fakes.task_pages import FakeTaskPages
from tests.fakes.task_store import FakeTaskStore
from tests.storing import save, total
from tests.unit.application.callers import UNKNOWN, claim, submit


def test_a_submitted_task_waits_and_can_be_read(store: FakeTaskStore, clock: FakeClock) -> None:
    task = submit(store, clock)

    assert (task.status, task.submitted_at) == (Status.QUEUED, NOON)
    assert GetTask(store).execute(task.task_id) == task


def test_an_unknown_task_is_not_found(
    store: FakeTaskStore, update: OptimisticUpdate, admission: Admission, clock: FakeClock
) -> None:
    calls = [
        lambda: GetTask(store).execute(UNKNOWN),
        lambda: UpdateTask(update, admission).execute(UNKNOWN, TaskPatch({})),
        lambda: CancelTask(update, clock).execute(UNKNOWN),
        lambda: DeleteTask(store, update, FakeClock()).execute(UNKNOWN),
    ]
    for call in calls:
        with pytest.raises(TaskNotFound, match=UNKNOWN):
            call()


def test_pages_follow_each_other(store: FakeTaskStore, clock: FakeClock) -> None:
    tasks = [submit(store, clock) for _ in range(5)]

    list_tasks = ListTasks(store, FakeTaskPages(store))
    page = list_tasks.find(EVERY_TASK, PageRequest(offset=2, limit=2))

    assert page.total == 5
    assert list(list_tasks.read_whole(page)) == [(tasks[2], 3), (tasks[3], 4)]


def test_a_few_tasks_of_a_page_are_read_at_a_time(
    store: FakeTaskStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [submit(store, clock) for _ in range(25)]
    asked: list[int] = []
    get_many = store.get_many
    monkeypatch.setattr(store, "get_many", lambda ids: asked.append(len(ids)) or get_many(ids))
    list_tasks = ListTasks(store, FakeTaskPages(store))

    whole = list_tasks.read_whole(list_tasks.find(EVERY_TASK, PageRequest(limit=100)))

    assert asked == []
    assert next(whole) == (tasks[0], 1)
    assert asked == [10]
    assert [task for task, _ in whole] == tasks[1:]
    assert asked == [10, 10, 5]


def test_a_running_task_is_not_deleted(
    store: FakeTaskStore, clock: FakeClock, update: OptimisticUpdate
) -> None:
    task = submit(store, clock)
    claim(store)

    with pytest.raises(TaskRunning):
        DeleteTask(store, update, FakeClock()).execute(task.task_id)


def test_a_running_task_is_deleted_once_it_has_stopped(store, update, clock) -> None:
    save(store)
    run = store.claim("default", owner="a:1", claim_id="1")
    delete = DeleteTask(store, update, clock)
    with pytest.raises(TaskRunning):
        delete.execute(run.task_id)

    assert [delete.execute(run.task_id, cancel=True) for _ in range(2)] == [False, False]

    asked = store.get(run.task_id)
    assert (asked.cancel_requested, asked.discarded) == (True, True)
    assert PruneTasks(store, timedelta(days=1)).execute() == 0
    store.save(Change(before=asked, after=asked.stop(clock.now())))
    assert PruneTasks(store, timedelta(days=1)).execute() == 1
    assert total(store) == 0


def test_a_retry_is_decided_by_the_clock_of_the_store(store, update, clock) -> None:
    task = save(store, Status.FAILED, expires_at=clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))

    again = RetryTask(update, clock).execute(task.task_id)

    assert (again.status, again.spec.expires_at) == (Status.QUEUED, None)
    assert store.positions([again]) == {task.task_id: 1}


def test_the_log_and_the_deliveries_are_those_of_an_existing_task(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    save(store)
    run = store.claim("default", owner="a:1", claim_id="1")
    store.append(run, lines=["working"])

    details = ReadDetails(store, store, FakeOutbox(store, clock))
    assert [line.message for line in details.log(run.task_id)] == ["working"]
    assert list(details.deliveries(run.task_id)) == []
    for read in (details.log, details.deliveries):
        with pytest.raises(TaskNotFound):
            read("nonsense")
