"""The result of a run: what is kept, what cannot be, and when it comes too late."""

import pytest

from application.ports.run import RunContext
from application.ports.task_repository import Change
from domain.events import Event
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from domain.task_state import Progress
from tests.building import NOON
from tests.storing import stored, submit


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_the_result_of_the_work_completes_the_task(store, run_tasks) -> None:
    task = submit(store)

    assert run_tasks(lambda run: {"name": run.spec.task_name}).execute("default")

    done = stored(store, task)
    assert (done.status, done.result, done.attempt) == (Status.COMPLETED, {"name": "test"}, 1)


@pytest.mark.parametrize(
    "result", [float("nan"), b"bytes", "\ud800", {"a": {1, 2}}, [float("inf")]]
)
def test_a_result_that_cannot_be_kept_fails_the_task(store, run_tasks, result) -> None:
    task = submit(store)

    assert run_tasks(lambda run: result).execute("default")
    assert not run_tasks(lambda run: result).execute("default")

    failed = stored(store, task)
    assert failed.status is Status.FAILED
    assert failed.error.code == "handler_error"


@pytest.mark.parametrize(
    ("length", "status"), [(998, Status.COMPLETED), (999, Status.FAILED)], ids=["limit", "one more"]
)
def test_a_result_may_have_as_many_bytes_as_the_limit_says(
    store, run_tasks, length: int, status: Status
) -> None:
    task = submit(store)

    run_tasks(lambda run: "x" * length).execute("default")

    assert stored(store, task).status is status  # the two quotes of JSON count as well


def test_what_the_work_says_is_kept_before_its_result(store, run_tasks) -> None:
    def work(run: Task, context: RunContext) -> str:
        context.log("working")
        context.progress(0.5, "half")
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    done = stored(store, task)
    told = [(event, seen.progress) for event, seen in store.events][-2:]
    assert told == [
        (Event.PROGRESS, Progress(fraction=0.5, message="half")),
        (Event.COMPLETED, None),
    ]
    assert [(line.attempt, line.message) for line in store.lines(task.task_id)] == [(1, "working")]
    assert done.status is Status.COMPLETED


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {1, 2},
            "The result is not JSON: Object of type set is not JSON serializable. There is a set "
            "at the top. Ret",
        ),
        (
            {"a": [1, {"b": NOON}]},
            "The result is not JSON: Object of type datetime is not JSON serializable. There is a "
            "datetime at /a/1/b. Return text, numbers, lists and objects.",
        ),
        (float("nan"), "The result is not JSON: Out of range float values are not JSON compliant"),
        ("\udfff", "The result is not JSON: 'utf-8' codec can't encode"),
        (nested(33), "The result cannot be stored: it is nested deeper than 32 levels."),
        (
            "x" * 2_000,
            "The result has 2002 bytes as JSON; 1000 are allowed (TASKS_MAX_RESULT_BYTES)",
        ),
    ],
)
def test_a_result_that_cannot_be_kept_fails_the_task_for_good(
    store, run_tasks, result: object, said: str
) -> None:
    task = submit(store, retry=RetryPolicy(max_attempts=3))

    run_tasks(lambda run: result).execute("default")

    failed = stored(store, task)
    assert (failed.status, failed.error.code) == (Status.FAILED, "handler_error")
    assert failed.error.message.startswith(said)


def test_a_result_may_be_nested_as_deep_as_a_body(store, run_tasks) -> None:
    task = submit(store)
    run_tasks(lambda run: nested(32)).execute("default")

    assert stored(store, task).status is Status.COMPLETED


def test_a_result_is_kept_though_the_labels_changed_during_the_run(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}}))))
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    done = stored(store, task)
    assert (done.result, dict(done.spec.labels)) == ("done", {"a": "b"})


def test_a_result_is_refused_when_another_has_the_task_by_now(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.stop(NOON)))
        assert store.claim("default", owner="b:1", claim_id="1")
        return "stale"

    task = submit(store)
    run_tasks(work).execute("default")

    now = stored(store, task)
    assert (now.status, now.owner, now.result) == (Status.PROCESSING, "b:1", None)


def test_a_result_of_a_task_that_is_gone_is_dropped(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.remove(run)
        return "too late"

    task = submit(store)

    assert run_tasks(work).execute("default")
    assert store.get(task.task_id) is None
