"""What may happen to a task in each state, and what it leads to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.errors import InvalidTransition, TaskFinal, TaskNotWaiting, TaskRunning, TransitionRefused
from domain.status import FINAL, NEXT, WAITING, Status
from domain.task import MAX_CRASHES, Task
from domain.task_spec import TaskPatch
from tests.building import AN_ERROR, NOON, a_spec, a_task

LATER = NOON + timedelta(seconds=3)
REACHED = [Status.QUEUED, Status.PROCESSING, Status.COMPLETED, Status.FAILED, Status.CANCELLED]

Transition = Callable[[Task], Task]
TRANSITIONS: dict[str, tuple[Transition, dict[Status, Status]]] = {
    "start": (
        lambda task: task.start(owner="host:2", claim=2, now=LATER),
        {Status.QUEUED: Status.PROCESSING},
    ),
    "complete": (lambda task: task.complete("done", LATER), {Status.PROCESSING: Status.COMPLETED}),
    "fail": (lambda task: task.fail(AN_ERROR, LATER), {Status.PROCESSING: Status.FAILED}),
    "hand_back": (lambda task: task.hand_back(), {Status.PROCESSING: Status.QUEUED}),
    "lose": (lambda task: task.lose(LATER), {Status.PROCESSING: Status.QUEUED}),
    "cancel": (lambda task: task.cancel(LATER), {Status.QUEUED: Status.CANCELLED}),
}


@pytest.mark.parametrize("status", REACHED)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_each_transition_is_made_from_its_states_and_refused_from_all_others(name: str, status: Status) -> None:
    transition, leads_to = TRANSITIONS[name]
    task = a_task(status)

    if status in leads_to:
        after = transition(task)
        assert (after.status, after.version) == (leads_to[status], task.version + 1)
    else:
        with pytest.raises(TransitionRefused):
            transition(task)


def test_every_state_says_where_it_may_go_and_final_ones_go_nowhere() -> None:
    assert NEXT.keys() == set(Status)
    assert {status for status in Status if not NEXT[status]} == FINAL
    assert not WAITING & FINAL


def test_a_start_counts_an_attempt_and_notes_who_and_when() -> None:
    run = a_task().start(owner="host:2", claim=7, now=LATER)

    assert (run.owner, run.claim, run.attempt, run.started_at) == ("host:2", 7, 1, LATER)


def test_a_result_ends_the_run_and_frees_its_owner() -> None:
    done = a_task(Status.PROCESSING).complete({"a": 1}, LATER)

    assert (done.result, done.finished_at, done.owner, done.error) == ({"a": 1}, LATER, None, None)


def test_a_run_handed_back_counts_as_nothing() -> None:
    waiting = a_task()

    again = waiting.start(owner="host:2", claim=1, now=LATER).hand_back()

    assert replace(again, version=waiting.version, claim=0) == waiting


def test_a_lost_run_counts_as_a_crash_and_is_repeated_three_times() -> None:
    task = a_task()
    for crash in range(1, MAX_CRASHES + 1):
        task = task.start(owner="host:2", claim=crash, now=LATER).lose(LATER)
        assert (task.status, task.crashes, task.attempt) == (Status.QUEUED, crash, crash)

    task = task.start(owner="host:2", claim=9, now=LATER).lose(LATER)

    assert (task.status, task.attempt, task.finished_at) == (Status.FAILED, 4, LATER)
    assert task.error is not None
    assert task.error.code == "worker_lost"


def test_a_cancelled_task_says_so() -> None:
    cancelled = a_task().cancel(LATER)

    assert cancelled.error is not None
    assert (cancelled.error.code, cancelled.finished_at) == ("cancelled", LATER)


def test_a_refusal_says_which_state_is_in_the_way() -> None:
    with pytest.raises(TaskRunning, match="runs this task now"):
        a_task(Status.PROCESSING).cancel(LATER)
    with pytest.raises(TaskFinal, match="COMPLETED, which is final"):
        a_task(Status.COMPLETED).cancel(LATER)
    with pytest.raises(TaskRunning):
        a_task(Status.PROCESSING).ensure_deletable()
    with pytest.raises(InvalidTransition, match="COMPLETED cannot become PROCESSING"):
        a_task(Status.COMPLETED).start(owner="host:2", claim=2, now=LATER)


@pytest.mark.parametrize("status", REACHED)
def test_name_and_labels_can_be_changed_in_every_state(status: Status) -> None:
    changed = a_task(status).patch(TaskPatch({"task_name": "new", "labels": {"a": "b"}}))

    assert (changed.spec.task_name, dict(changed.spec.labels), changed.status) == ("new", {"a": "b"}, status)


@pytest.mark.parametrize("status", [status for status in REACHED if status is not Status.QUEUED])
def test_the_work_of_a_task_that_no_longer_waits_cannot_be_changed(status: Status) -> None:
    with pytest.raises(TaskNotWaiting, match=f"The task is {status}"):
        a_task(status).patch(TaskPatch({"duration": 9}))
    with pytest.raises(TaskNotWaiting):
        a_task(status).replace(a_spec(duration=9))


def test_a_change_to_the_same_is_no_change() -> None:
    task = a_task(duration=3)

    assert task.patch(TaskPatch({"duration": 3})) is task
    assert task.replace(a_spec(duration=3)) is task


def test_only_the_run_of_the_latest_claim_goes_on() -> None:
    run = a_task(Status.PROCESSING)

    assert run.is_run_of(run.claim)
    assert not run.is_run_of(run.claim + 1)
    assert not run.complete(None, LATER).is_run_of(run.claim)


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.COMPLETED},
        {"finished_at": NOON},
        {"owner": "host:1"},
        {"status": Status.PROCESSING},
        {"submitted_at": datetime(2026, 1, 13)},
    ],
)
def test_a_task_that_contradicts_itself_cannot_be_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"final|owner|aware"):
        replace(a_task(), **change)  # type: ignore[arg-type]
