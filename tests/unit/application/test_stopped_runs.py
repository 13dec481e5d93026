"""A run that is interrupted: by a cancel request, by its timeout or for no reason."""

from datetime import timedelta

from application.errors import RunStopped
from application.optimistic_update import OptimisticUpdate
from application.use_cases.tasks.cancel_task import CancelTask
from domain.status import Status
from domain.task import Task
from tests.storing import stored, submit


def test_a_run_may_be_interrupted_only_in_its_work(store, run_tasks, interrupt) -> None:
    submit(store)
    seen = []

    run_tasks(lambda run: seen.append(interrupt.is_allowed)).execute("default")

    assert seen == [True]
    assert not interrupt.is_allowed


def test_a_run_that_was_cancelled_ends_as_cancelled(store, run_tasks, clock, interrupt) -> None:
    def work(run: Task) -> None:
        CancelTask(OptimisticUpdate(store), clock).execute(run.task_id)
        interrupt.request()

    task = submit(store)
    run_tasks(work).execute("default")

    ended = stored(store, task)
    assert ended.status is Status.CANCELLED
    assert ended.error is not None
    assert ended.error.code == "cancelled"


def test_a_run_that_took_too_long_ends_as_timed_out(store, run_tasks, clock, interrupt) -> None:
    def work(run: Task) -> None:
        clock.advance(timedelta(seconds=5))
        interrupt.request()

    task = submit(store, timeout=5)
    run_tasks(work).execute("default")

    ended = stored(store, task)
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.code == "timeout"


def test_a_run_that_stops_itself_unasked_has_failed(store, run_tasks) -> None:
    def work(run: Task) -> None:
        raise RunStopped

    task = submit(store)
    run_tasks(work).execute("default")

    ended = stored(store, task)
    assert (ended.status, ended.error.code) == (Status.FAILED, "handler_error")


def test_a_run_that_was_stopped_for_no_reason_is_queued_again_and_fails_the_fourth_time(
    store, run_tasks, interrupt
) -> None:
    def work(run: Task) -> None:
        interrupt.request()

    task, runs = submit(store), run_tasks(work)
    runs.execute("default")

    again = stored(store, task)
    assert (again.status, again.crashes) == (Status.QUEUED, 1)

    for _ in range(3):
        runs.execute("default")
    ended = stored(store, task)
    assert (ended.status, ended.error.code) == (Status.FAILED, "worker_lost")
    assert "SIGUSR2" in ended.error.message


def test_a_result_that_comes_before_the_stop_is_kept(store, run_tasks, clock) -> None:
    def work(run: Task) -> str:
        CancelTask(OptimisticUpdate(store), clock).execute(run.task_id)
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    assert (stored(store, task).status, stored(store, task).result) == (Status.COMPLETED, "done")
