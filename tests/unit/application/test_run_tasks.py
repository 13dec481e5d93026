"""The order in which a worker claims, runs and finishes tasks, and the log of each run."""

import logging
from datetime import timedelta

import pytest

from application.errors import HandlerFailed, RunStopped
from application.ports.task_repository import Change
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import NOON
from tests.storing import stored, submit


def test_an_empty_queue_is_no_work(store, run_tasks, keeper) -> None:
    assert not run_tasks(lambda run: pytest.fail("there is no task")).execute("default")
    assert keeper.calls == ["arm", "release"]


def test_a_type_that_this_worker_does_not_know_is_put_off_uncounted(store, run_tasks) -> None:
    task = submit(store, type="dance")

    run_tasks(lambda run: None).execute("default")

    later = stored(store, task)
    assert (later.status, later.attempt) == (Status.SCHEDULED, 0)
    assert later.due_at == NOON + timedelta(seconds=10)


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize(
    ("type", "error", "attempts", "outcome"),
    [
        ("sleep", None, 1, "completed"),
        ("sleep", HandlerFailed("no"), 1, "failed"),
        ("sleep", HandlerFailed("no"), 2, "retrying"),
        ("sleep", RunStopped(), 1, "handed_back"),
        ("unknown", None, 1, "postponed"),
    ],
)
def test_each_end_of_a_run_is_one_line_of_the_log_of_the_worker(
    store,
    run_tasks,
    clock,
    interrupt,
    caplog,
    goes_on: bool,
    type: str,
    error: Exception | None,
    attempts: int,
    outcome: str,
) -> None:
    def work(run: Task) -> None:
        clock.advance(timedelta(seconds=1.5))
        if isinstance(error, RunStopped):
            interrupt.request()
        if error:
            raise error

    rounds = iter([goes_on])
    task = submit(store, type=type, retry=RetryPolicy(max_attempts=attempts, initial_delay=60))
    with caplog.at_level(logging.INFO):
        run_tasks(work).execute("default", lambda: next(rounds, False))

    [line] = [
        record for record in caplog.records if getattr(record, "action", "") == "run_finished"
    ][:1]
    said = (line.levelname, line.task_id, line.type, line.outcome, line.attempt)
    assert said == ("INFO", task.task_id, type, outcome, 1)
    assert line.seconds == (0 if type == "unknown" else 1.5)


def test_a_run_whose_end_was_never_reported_is_handed_back_before_the_next_claim(
    store, run_tasks
) -> None:
    task = submit(store)
    store.claim("default", owner="a:1", claim_id="from before")

    assert run_tasks(lambda run: "done").execute("default")

    done = stored(store, task)
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)


def test_the_process_is_armed_before_the_claim_and_released_after_the_result(
    store, run_tasks, keeper
) -> None:
    task = submit(store)

    run_tasks(lambda run: keeper.calls.append("work")).execute("default")

    assert keeper.calls == [
        "arm",
        f"start renewing {task.task_id}",
        "work",
        "stop renewing",
        "release",
    ]


def test_the_keeper_is_released_though_the_run_ends_in_a_fault(store, run_tasks, keeper) -> None:
    def work(run: Task) -> None:
        raise SystemExit(1)

    submit(store)
    with pytest.raises(SystemExit):
        run_tasks(work).execute("default")

    assert keeper.calls[-1] == "release"


def test_tasks_run_one_after_the_other_for_as_long_as_they_may(store, run_tasks, keeper) -> None:
    tasks = [submit(store) for _ in range(4)]
    turns = iter([True, True, False])

    assert run_tasks(lambda run: "done").execute("default", lambda: next(turns)) == 3

    assert [stored(store, task).status for task in tasks] == [Status.COMPLETED] * 3 + [
        Status.QUEUED
    ]
    assert keeper.calls == [
        *("arm", f"start renewing {tasks[0].task_id}", "stop renewing"),
        *("arm", f"start renewing {tasks[1].task_id}", "stop renewing"),
        *("arm", f"start renewing {tasks[2].task_id}", "stop renewing"),
        "release",
    ]


def test_labels_that_change_during_a_run_hold_up_neither_it_nor_the_next(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}}))))
        return "done"

    tasks = [submit(store), submit(store)]

    assert run_tasks(work).execute("default", lambda: True) == 2

    assert [stored(store, task).status for task in tasks] == [Status.COMPLETED] * 2
