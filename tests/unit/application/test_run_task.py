"""A run from claim to result, with everything that may go wrong on the way."""

from collections.abc import Callable
from typing import Any

import pytest

from application.decision import Decision
from application.ports.task_repository import Change
from application.use_cases.run_task import CLAIM_TRIES, RunTask
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.lease_keeper import FakeLeaseKeeper
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore

Work = Callable[[Task], Any]


@pytest.fixture
def keeper() -> FakeLeaseKeeper:
    return FakeLeaseKeeper()


@pytest.fixture
def run_task(store: FakeTaskStore, clock: FakeClock, keeper: FakeLeaseKeeper) -> Callable[[Work], RunTask]:
    return lambda work: RunTask(
        leases=store,
        decision=Decision(store),
        handlers=FakeTaskHandlers(work),
        keeper=keeper,
        clock=clock,
        owner="a:1",
    )


def submit(store: FakeTaskStore, **members: object) -> Task:
    return store.save(Change(before=None, after=a_task(**members)))


def stored(store: FakeTaskStore, task: Task) -> Task:
    now = store.get(task.task_id)
    assert now is not None
    return now


def test_the_result_of_the_work_completes_the_task(store, run_task) -> None:
    task = submit(store)

    assert run_task(lambda run: {"name": run.spec.task_name}).execute("default")

    done = stored(store, task)
    assert (done.status, done.result, done.attempt) == (Status.COMPLETED, {"name": "test"}, 1)


def test_an_empty_queue_is_no_work(store, run_task, keeper) -> None:
    assert not run_task(lambda run: pytest.fail("there is no task")).execute("default")
    assert keeper.calls == ["arm", "release"]


def test_an_exception_fails_the_task_with_its_class_and_message(store, run_task) -> None:
    def work(run: Task) -> None:
        raise ValueError("no such picture")

    task = submit(store)
    run_task(work).execute("default")

    failed = stored(store, task)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == ("handler_error", "ValueError: no such picture")


def test_a_type_without_a_handler_fails_the_task(store, run_task) -> None:
    task = submit(store, type="dance")

    run_task(lambda run: None).execute("default")

    error = stored(store, task).error
    assert error is not None
    assert "'dance'" in error.message


def test_the_process_is_armed_before_the_claim_and_released_after_the_result(store, run_task, keeper) -> None:
    task = submit(store)

    run_task(lambda run: keeper.calls.append("work")).execute("default")

    assert keeper.calls == ["arm", f"keep {task.task_id}", "work", "release"]


def test_a_claim_whose_reply_is_lost_is_repeated_and_starts_the_task_once(store, run_task, keeper) -> None:
    task = submit(store)
    store.lose_replies = 2

    assert run_task(lambda run: "done").execute("default")

    assert (stored(store, task).attempt, stored(store, task).status) == (1, Status.COMPLETED)
    assert keeper.calls.count("arm") == 3


def test_a_store_that_stays_away_ends_the_try_without_work(store, run_task, keeper) -> None:
    submit(store)
    store.away = True

    assert not run_task(lambda run: pytest.fail("there was no claim")).execute("default")

    assert keeper.calls == ["arm"] * CLAIM_TRIES + ["release"]


def test_a_result_whose_reply_is_lost_is_kept_once(store, run_task) -> None:
    def work(run: Task) -> str:
        store.lose_replies = 2
        return "done"

    task = submit(store)
    run_task(work).execute("default")

    done = stored(store, task)
    assert (done.status, done.result, done.version) == (Status.COMPLETED, "done", 3)


def test_a_result_is_kept_though_the_labels_changed_during_the_run(store, run_task) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}}))))
        return "done"

    task = submit(store)
    run_task(work).execute("default")

    done = stored(store, task)
    assert (done.result, dict(done.spec.labels)) == ("done", {"a": "b"})


def test_a_result_is_refused_when_another_has_the_task_by_now(store, run_task) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.hand_back()))
        assert store.claim("default", owner="b:1", claim_id="1")
        return "stale"

    task = submit(store)
    run_task(work).execute("default")

    now = stored(store, task)
    assert (now.status, now.owner, now.result) == (Status.PROCESSING, "b:1", None)


def test_a_result_of_a_task_that_is_gone_is_dropped(store, run_task) -> None:
    def work(run: Task) -> str:
        store.remove(run)
        return "too late"

    task = submit(store)

    assert run_task(work).execute("default")
    assert store.get(task.task_id) is None


def test_the_keeper_is_released_though_the_run_ends_in_a_fault(store, run_task, keeper) -> None:
    def work(run: Task) -> None:
        raise SystemExit(1)

    submit(store)
    with pytest.raises(SystemExit):
        run_task(work).execute("default")

    assert keeper.calls[-1] == "release"
