"""The transitions that each state of a task allows, and what must hold of a task."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.errors import InvalidTransition, TaskFinal, TaskRunning, TransitionRefused
from domain.retry_policy import RetryPolicy
from domain.status import FINAL, NEXT, WAITING, Status
from domain.task import Task
from domain.task_state import Progress
from tests.building import AN_ERROR, LATER, NOON, a_task

REACHED = list(Status)
Transition = Callable[[Task], Task]
TRANSITIONS: dict[str, tuple[Transition, dict[Status, Status]]] = {
    "start": (
        lambda task: task.start(owner="host:2", fencing_token=2, now=LATER),
        {Status.QUEUED: Status.PROCESSING},
    ),
    "complete": (lambda task: task.complete("done", LATER), {Status.PROCESSING: Status.COMPLETED}),
    "fail": (lambda task: task.fail(AN_ERROR, LATER), {Status.PROCESSING: Status.FAILED}),
    "stop": (lambda task: task.stop(NOON), {Status.PROCESSING: Status.QUEUED}),
    "postpone": (lambda task: task.postpone(LATER), {Status.PROCESSING: Status.SCHEDULED}),
    "promote": (lambda task: task.promote(), {Status.SCHEDULED: Status.QUEUED}),
    "expire": (
        lambda task: task.expire(LATER),
        {Status.SCHEDULED: Status.EXPIRED, Status.QUEUED: Status.EXPIRED},
    ),
    "lose": (lambda task: task.lose(LATER), {Status.PROCESSING: Status.QUEUED}),
    "retry": (
        lambda task: task.retry(LATER),
        dict.fromkeys((Status.FAILED, Status.CANCELLED, Status.EXPIRED), Status.QUEUED),
    ),
    "cancel": (
        lambda task: task.cancel(LATER),
        {
            Status.SCHEDULED: Status.CANCELLED,
            Status.QUEUED: Status.CANCELLED,
            Status.PROCESSING: Status.PROCESSING,
        },
    ),
}


@pytest.mark.parametrize("status", REACHED)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_each_transition_is_made_from_its_states_and_refused_from_all_others(
    name: str, status: Status
) -> None:
    transition, leads_to = TRANSITIONS[name]
    task = a_task(status)

    if status in leads_to:
        after = transition(task)
        assert (after.status, after.version) == (leads_to[status], task.version + 1)
    else:
        with pytest.raises(TransitionRefused):
            transition(task)


def test_every_state_has_its_next_states_and_a_completed_task_has_none() -> None:
    assert NEXT.keys() == set(Status)
    assert {status for status in Status if not NEXT[status]} == {Status.COMPLETED}
    assert all(NEXT[status] <= {Status.QUEUED} for status in FINAL)
    assert not WAITING & FINAL


def test_a_start_counts_an_attempt_and_records_its_owner_and_time() -> None:
    run = a_task().start(owner="host:2", fencing_token=7, now=LATER)

    assert (run.owner, run.fencing_token, run.attempt, run.started_at) == ("host:2", 7, 1, LATER)


def test_a_result_ends_the_run_and_frees_its_owner() -> None:
    done = a_task(Status.PROCESSING).complete({"a": 1}, LATER)

    assert (done.result, done.finished_at, done.owner, done.error) == ({"a": 1}, LATER, None, None)


def test_a_refusal_names_the_state_of_the_task() -> None:
    with pytest.raises(TaskFinal, match="COMPLETED, which is final"):
        a_task(Status.COMPLETED).cancel(LATER)
    with pytest.raises(TaskRunning, match="runs this task now"):
        a_task(Status.PROCESSING).ensure_deletable()
    with pytest.raises(InvalidTransition, match="COMPLETED cannot become PROCESSING"):
        a_task(Status.COMPLETED).start(owner="host:2", fencing_token=2, now=LATER)


def test_only_the_run_of_the_latest_claim_goes_on() -> None:
    run = a_task(Status.PROCESSING)

    assert run.is_run_of(run.fencing_token)
    assert not run.is_run_of(run.fencing_token + 1)
    assert not run.complete(None, LATER).is_run_of(run.fencing_token)


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.COMPLETED},
        {"finished_at": NOON},
        {"owner": "host:1"},
        {"status": Status.PROCESSING},
        {"status": Status.SCHEDULED},
        {"submitted_at": datetime(2026, 1, 13)},
    ],
)
def test_a_task_that_contradicts_itself_cannot_be_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"final|owner|aware|due"):
        replace(a_task(), **change)  # type: ignore[arg-type]


def test_jitter_differs_between_tasks_and_between_attempts() -> None:
    retry = RetryPolicy(max_attempts=3, initial_delay=100, factor=1, jitter=1)

    def delay(task_id: str, attempt: int) -> timedelta:
        run = replace(a_task(Status.PROCESSING, retry=retry), task_id=task_id, attempt=attempt)
        due_at = run.fail(AN_ERROR, NOON).due_at
        assert due_at is not None
        return due_at - NOON

    one, other = "00000000-0000-7000-8000-000012345678", "00000000-0000-7000-8000-000087654321"
    assert len({delay(one, 1), delay(one, 2), delay(other, 1), delay(other, 2)}) == 4


def test_a_completed_task_has_no_progress() -> None:
    run = replace(a_task(Status.PROCESSING), progress=Progress(fraction=0.9))

    assert run.complete("done", LATER).progress is None


def test_a_restored_task_equals_the_stored_one() -> None:
    run = a_task().start(owner="a:1", fencing_token=7, now=NOON)

    assert Task.restore(vars(run)) == run


def test_a_stored_task_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="owner"):
        Task.restore({**vars(a_task()), "owner": "a:1"})


def test_a_task_is_due_and_expires_exactly_at_its_times() -> None:
    scheduled, limited = a_task(run_at=LATER), a_task(expires_at=LATER)
    moments = (LATER - timedelta(microseconds=1), LATER, LATER + timedelta(microseconds=1))

    assert [scheduled.is_due(now) for now in moments] == [False, True, True]
    assert [limited.has_expired(now) for now in moments] == [False, True, True]
    assert not limited.is_due(LATER)
    assert not scheduled.has_expired(LATER)
