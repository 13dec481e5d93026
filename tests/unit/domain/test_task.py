"""The transitions that each state of a task allows, and their results."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.errors import (
    InvalidTransition,
    TaskFinal,
    TaskNotRetryable,
    TaskNotWaiting,
    TaskRunning,
    TransitionRefused,
)
from domain.events import event_of
from domain.retry_policy import RetryPolicy
from domain.status import FINAL, NEXT, WAITING, Status
from domain.task import MAX_CRASHES, Task
from domain.task_error import TaskError
from domain.task_spec import TaskPatch, TaskSpec
from domain.task_state import Progress
from tests.building import AN_ERROR, NOON, a_spec, a_task

LATER = NOON + timedelta(seconds=3)
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


def test_a_run_that_is_handed_back_is_not_counted() -> None:
    waiting = a_task()

    again = waiting.start(owner="host:2", fencing_token=1, now=LATER).stop(LATER)

    assert replace(again, version=waiting.version, fencing_token=0) == waiting


def test_a_lost_run_counts_as_a_crash_and_is_repeated_three_times() -> None:
    task = a_task()
    for crash in range(1, MAX_CRASHES + 1):
        task = task.start(owner="host:2", fencing_token=crash, now=LATER).lose(LATER)
        assert (task.status, task.crashes, task.attempt) == (Status.QUEUED, crash, crash)

    task = task.start(owner="host:2", fencing_token=9, now=LATER).lose(LATER, "SIGSEGV ended it.")

    assert (task.status, task.attempt, task.finished_at) == (Status.FAILED, 4, LATER)
    assert task.error is not None
    assert task.error.code == "worker_lost"
    assert task.error.message.endswith("Cause of the last crash: SIGSEGV ended it.")


def test_a_cancelled_task_has_the_error_cancelled() -> None:
    cancelled = a_task().cancel(LATER)

    assert cancelled.error is not None
    assert (cancelled.error.code, cancelled.finished_at) == ("cancelled", LATER)


def test_a_refusal_names_the_state_of_the_task() -> None:
    with pytest.raises(TaskFinal, match="COMPLETED, which is final"):
        a_task(Status.COMPLETED).cancel(LATER)
    with pytest.raises(TaskRunning, match="runs this task now"):
        a_task(Status.PROCESSING).ensure_deletable()
    with pytest.raises(InvalidTransition, match="COMPLETED cannot become PROCESSING"):
        a_task(Status.COMPLETED).start(owner="host:2", fencing_token=2, now=LATER)


@pytest.mark.parametrize("status", REACHED)
def test_name_and_labels_can_be_changed_in_every_state(status: Status) -> None:
    changed = a_task(status).patch(TaskPatch({"task_name": "new", "labels": {"a": "b"}}))

    assert (changed.spec.task_name, dict(changed.spec.labels), changed.status) == (
        "new",
        {"a": "b"},
        status,
    )


@pytest.mark.parametrize("status", [status for status in REACHED if not status.is_waiting])
def test_the_work_of_a_task_that_no_longer_waits_cannot_be_changed(status: Status) -> None:
    with pytest.raises(TaskNotWaiting, match=f"The task is {status}"):
        a_task(status).patch(TaskPatch({"duration": 9}))
    with pytest.raises(TaskNotWaiting):
        a_task(status).replace(a_spec(duration=9))


def test_a_patch_without_an_effect_returns_the_same_task() -> None:
    task = a_task(duration=3)

    assert task.patch(TaskPatch({"duration": 3})) is task
    assert task.replace(a_spec(duration=3)) is task


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


def test_a_running_task_is_asked_to_stop_once() -> None:
    asked = a_task(Status.PROCESSING).cancel(LATER)

    assert (asked.status, asked.cancel_requested) == (Status.PROCESSING, True)
    assert asked.cancel(LATER) is asked
    assert asked.stop(LATER).status is asked.lose(LATER).status is Status.CANCELLED
    assert asked.complete("done", LATER).status is Status.COMPLETED


def test_a_lost_run_that_was_out_of_time_has_timed_out() -> None:
    run = a_task(Status.PROCESSING, timeout=3)

    lost = run.lose(NOON + timedelta(seconds=3))

    assert (lost.status, lost.crashes) == (Status.FAILED, 0)
    assert lost.error is not None
    assert lost.error.code == "timeout"
    assert run.lose(NOON + timedelta(seconds=2)).status is Status.QUEUED


def test_crashes_do_not_count_against_the_attempts() -> None:
    task = a_task(retry=RetryPolicy(max_attempts=2))
    for claim in (1, 2):
        task = task.start(owner="host:1", fencing_token=claim, now=NOON).lose(NOON)

    failed_once = task.start(owner="host:1", fencing_token=3, now=NOON).fail(AN_ERROR, NOON)
    failed_twice = (
        failed_once.promote().start(owner="host:1", fencing_token=4, now=NOON).fail(AN_ERROR, NOON)
    )

    assert (failed_once.status, failed_twice.status) == (Status.SCHEDULED, Status.FAILED)


def test_a_forgiven_crash_counts_neither_as_crash_nor_as_attempt() -> None:
    lost = a_task(Status.PROCESSING).lose(NOON)

    forgiven = lost.forgive(lost.fencing_token)

    assert (forgiven.attempt, forgiven.crashes, forgiven.last_error) == (0, 0, None)
    assert forgiven.forgive(lost.fencing_token) is forgiven


def test_an_earlier_crash_that_is_forgiven_leaves_the_error_of_the_later_one() -> None:
    first = a_task(Status.PROCESSING).lose(NOON, "The first.")
    second = first.start(owner="host:1", fencing_token=2, now=NOON).lose(NOON, "The second.")

    assert second.forgive(1).last_error == second.last_error
    assert second.forgive(2).last_error is None


def test_forgiving_an_earlier_crash_keeps_the_error_of_a_later_failure() -> None:
    lost = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2)).lose(NOON)
    failed = lost.start(owner="host:1", fencing_token=2, now=NOON).fail(AN_ERROR, NOON)

    assert failed.forgive(lost.fencing_token).last_error == AN_ERROR


def test_a_task_has_the_error_of_its_latest_failed_run_until_it_is_final() -> None:
    run = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2))

    failed = run.fail(AN_ERROR, LATER)
    lost = run.lose(LATER, "SIGSEGV ended it.")
    overdue = replace(run, spec=a_spec(timeout=3, retry=RetryPolicy(max_attempts=2))).stop(LATER)

    assert (failed.error, failed.last_error) == (None, AN_ERROR)
    assert lost.last_error is not None
    assert lost.last_error.code == "worker_lost"
    assert (
        lost.last_error.message == "The run was lost; the task is queued again. SIGSEGV ended it."
    )
    assert overdue.last_error is not None
    assert overdue.last_error.code == "timeout"
    again = failed.promote().start(owner="host:1", fencing_token=2, now=LATER)
    assert (
        again.last_error
        == again.postpone(LATER).last_error
        == again.stop(LATER).last_error
        == AN_ERROR
    )
    ends = [
        again.complete(1, LATER),
        again.fail(AN_ERROR, LATER),
        failed.cancel(LATER),
        failed.expire(LATER),
    ]
    assert [end.last_error for end in ends] == [None] * 4


def test_a_last_error_is_short_since_each_event_of_the_task_repeats_it() -> None:
    run = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2))

    failed = run.fail(TaskError(code="handler_error", message="x" * 1_005), LATER)

    assert failed.last_error is not None
    assert failed.last_error.message == "x" * 1_000 + "… (5 characters more)"


def test_a_last_error_of_1000_characters_is_kept_whole_and_a_longer_one_is_not() -> None:
    run = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2))

    def last_message(length: int) -> str:
        failed = run.fail(TaskError(code="handler_error", message="x" * length), LATER)
        assert failed.last_error is not None
        return failed.last_error.message

    assert last_message(1_000) == "x" * 1_000
    assert last_message(1_001) == "x" * 1_000 + "… (1 characters more)"


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


def test_a_stored_task_with_a_name_that_is_now_invalid_can_be_retried() -> None:
    failed = a_task(Status.FAILED)
    old = replace(failed, spec=TaskSpec.restore({**vars(failed.spec), "task_name": " "}))

    assert old.retry(LATER).status is Status.QUEUED


def test_setting_run_at_schedules_a_waiting_task_and_removing_it_queues_the_task() -> None:
    put_off = a_task().patch(TaskPatch({"run_at": LATER}))
    assert (put_off.status, put_off.due_at) == (Status.SCHEDULED, LATER)

    brought_back = put_off.patch(TaskPatch({"run_at": None}))

    assert (brought_back.status, brought_back.due_at) == (Status.QUEUED, None)
    assert put_off.promote().patch(TaskPatch({"priority": 9})).status is Status.QUEUED


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, a_task(), "task.submitted"),
        (None, a_task(Status.SCHEDULED), "task.scheduled"),
        (a_task(), a_task(Status.PROCESSING), "task.started"),
        (a_task(Status.PROCESSING), a_task(Status.COMPLETED), "task.completed"),
        (a_task(Status.PROCESSING), a_task(Status.FAILED), "task.failed"),
        (a_task(Status.PROCESSING), a_task(Status.SCHEDULED), "task.retrying"),
        (a_task(Status.PROCESSING), a_task(), "task.recovered"),
        (a_task(), a_task(Status.CANCELLED), "task.cancelled"),
        (a_task(), a_task(Status.EXPIRED), "task.expired"),
        (a_task(), a_task(), "task.updated"),
        (a_task(), a_task(Status.SCHEDULED), "task.scheduled"),
        (a_task(Status.SCHEDULED), a_task(), "task.updated"),
        (a_task(), None, "task.deleted"),
    ],
)
def test_each_change_has_its_event(before: Task | None, after: Task | None, event: str) -> None:
    assert event_of(before, after) == event


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_a_task_that_ended_without_a_result_can_be_retried_as_if_it_had_never_run(
    status: Status,
) -> None:
    ended = a_task(status, run_at=LATER, expires_at=LATER + timedelta(seconds=1), labels={"a": "b"})

    again = ended.retry(LATER + timedelta(hours=1))

    assert (
        again.status,
        again.attempt,
        again.crashes,
        again.error,
        again.finished_at,
        again.started_at,
    ) == (*(Status.QUEUED, 0, 0, None, None, None),)
    assert (again.spec.run_at, again.spec.expires_at, dict(again.spec.labels)) == (
        LATER,
        None,
        {"a": "b"},
    )
    assert again.version == ended.version + 1


def test_a_retry_drops_a_run_at_that_lies_ahead_and_keeps_a_later_expires_at() -> None:
    never = LATER + timedelta(days=1)
    cancelled = a_task(Status.SCHEDULED, run_at=never, expires_at=never + timedelta(days=1)).cancel(
        LATER
    )

    again = cancelled.retry(LATER)

    assert (again.status, again.spec.run_at, again.spec.expires_at) == (
        Status.QUEUED,
        None,
        never + timedelta(days=1),
    )


def test_run_at_and_expires_at_equal_to_now_count_as_passed() -> None:
    ended = a_task(Status.CANCELLED, run_at=LATER, expires_at=LATER + timedelta(seconds=1))

    assert ended.retry(LATER).spec.run_at == LATER
    assert ended.retry(LATER - timedelta(microseconds=1)).spec.run_at is None
    assert ended.retry(LATER + timedelta(seconds=1)).spec.expires_at is None


@pytest.mark.parametrize(
    "status", [status for status in REACHED if status not in FINAL or status is Status.COMPLETED]
)
def test_a_task_that_is_not_final_or_has_a_result_cannot_be_retried(status: Status) -> None:
    with pytest.raises(TaskNotRetryable, match=f"The task is {status}"):
        a_task(status).retry(LATER)


def test_a_discarded_task_is_asked_to_stop_and_remains_discarded_when_it_is_final() -> None:
    run = a_task(Status.PROCESSING)

    discarded = run.discard(LATER)

    assert (discarded.cancel_requested, discarded.discarded, discarded.version) == (
        True,
        True,
        run.version + 1,
    )
    assert discarded.discard(LATER) == discarded
    assert run.cancel(LATER).discard(LATER).discarded
    assert discarded.stop(LATER).status is Status.CANCELLED
    assert discarded.stop(LATER).discarded


def test_a_run_that_fails_or_is_postponed_after_a_cancel_request_ends_as_cancelled() -> None:
    patient = RetryPolicy(max_attempts=9)
    run = a_task(retry=patient).start(owner="host:1", fencing_token=1, now=LATER).cancel(LATER)

    assert run.fail(AN_ERROR, LATER).status is Status.CANCELLED
    assert run.postpone(LATER).status is Status.CANCELLED


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
