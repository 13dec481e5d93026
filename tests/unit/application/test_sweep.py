"""Sweeps go past tasks that cannot be changed, and stop when their time is up."""

from datetime import timedelta

import pytest

from application.ports.task_repository import Backlog, Change
from application.skipped_items import MAX_NAME_LENGTH, MAX_REMEMBERED, SkippedItems
from application.sweep import Sweep
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_tasks import PruneTasks
from domain.errors import InvalidTransition
from domain.status import Status
from domain.task import Task
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore

AFTERWARDS = timedelta(hours=1)


def scheduled(store: FakeTaskStore, number: int) -> list[Task]:
    return [store.save(Change(before=None, after=a_task(Status.SCHEDULED))) for _ in range(number)]


def promote(task: Task, _: object) -> Change:
    return Change(before=task, after=task.promote())


def test_a_task_that_refuses_its_transition_is_skipped_and_logged_once(
    store: FakeTaskStore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    refuses, other = scheduled(store, 2)
    clock.advance(AFTERWARDS)
    sweep = Sweep(store, clock, Backlog.DUE)

    def decide(task: Task, _: object) -> Change:
        if task.task_id == refuses.task_id:
            raise InvalidTransition(task.status, Status.QUEUED)
        return promote(task, _)

    for _ in range(3):
        swept = sweep.run(lambda limit: store.due(limit=limit), decide)
        clock.advance(timedelta(minutes=1))

    assert not swept.is_unfinished
    assert store.get(other.task_id).status is Status.QUEUED
    assert store.get(refuses.task_id) == refuses
    assert [(record.levelname, record.action, record.task_id) for record in caplog.records] == [
        ("ERROR", "sweep_due", refuses.task_id)
    ]


def test_tasks_that_cannot_be_saved_do_not_fill_the_batches(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    stuck, good = scheduled(store, 601), scheduled(store, 1)[0]
    store.damaged = {task.task_id for task in stuck}
    clock.advance(AFTERWARDS)
    promote_tasks = PromoteTasks(store, clock)

    promoted = [task.task_id for _ in range(10) for task in promote_tasks.execute().tasks]

    assert promoted == [good.task_id]
    store.damaged.clear()
    clock.advance(timedelta(minutes=1))
    assert sum(len(promote_tasks.execute().tasks) for _ in range(10)) == 601


def test_a_sweep_stops_after_the_batch_in_which_its_time_is_up(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    scheduled(store, 3)
    clock.advance(AFTERWARDS)

    def take_long(task: Task, _: object) -> Change:
        clock.advance(timedelta(seconds=1))
        return promote(task, _)

    swept = Sweep(store, clock, Backlog.DUE).run(lambda _: store.due(limit=2), take_long)

    assert (len(swept.tasks), swept.is_unfinished) == (2, True)


def test_a_sweep_goes_on_behind_a_batch_that_others_have_changed(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    tasks, batches = scheduled(store, 2), []
    clock.advance(AFTERWARDS)
    for task in tasks:
        store.save(Change(before=task, after=task.promote()))

    def read_what_was(_: int) -> list[Task]:
        batches.append(tasks)
        return tasks if len(batches) == 1 else []

    swept = Sweep(store, clock, Backlog.DUE).run(read_what_was, promote)

    assert (list(swept.tasks), swept.is_unfinished, len(batches)) == ([], False, 2)


def test_final_tasks_that_cannot_be_removed_do_not_hold_up_the_others(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    final = [store.save(Change(before=None, after=a_task(Status.CANCELLED))) for _ in range(601)]
    store.damaged = {task.task_id for task in final[:600]}
    clock.advance(timedelta(days=1))
    prune = PruneTasks(store, timedelta(days=1))

    assert sum(prune.execute() for _ in range(2)) == 1
    assert store.get(final[-1].task_id) is None


def test_the_number_of_remembered_items_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    skipped_items = SkippedItems()

    for number in range(MAX_REMEMBERED + 100):
        skipped_items.log_once("save", str(number), "damaged")

    assert len(caplog.records) == MAX_REMEMBERED + 2
    assert caplog.records[-1].action == "passed_over_limit"


def test_a_long_name_is_cut_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    SkippedItems().log_once("read_queue_name", "x" * 100_000, "damaged")

    [record] = caplog.records
    cut = "x" * MAX_NAME_LENGTH + "…"
    assert record.getMessage() == (
        f"Skipped {cut} in read_queue_name: damaged. Everything else goes on."
    )
    assert record.task_id == cut
