"""The attempts of a task: what its log of attempts and the task itself tell together."""

from datetime import timedelta

import pytest

from application.errors import TaskNotFound
from application.ports.attempt_log import MAX_ENTRIES
from application.ports.task_repository import Change
from application.use_cases.tasks.read_attempts import ReadAttempts
from domain.attempt import AttemptOutcome
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import AN_ERROR
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, completed, submit

RETRIES = RetryPolicy(max_attempts=9, initial_delay=60, jitter=0)


@pytest.fixture
def read(store: FakeTaskStore) -> ReadAttempts:
    return ReadAttempts(store, store)


def change(store: FakeTaskStore, before: Task, after: Task) -> Task:
    return store.save(Change(before=before, after=after))


def failed_once(store: FakeTaskStore, clock: FakeClock) -> Task:
    submit(store, retry=RETRIES)
    run = claim(store)
    clock.advance(timedelta(seconds=5))
    return change(store, run, run.fail(AN_ERROR, clock.now()))


def test_a_task_that_has_not_run_waits_since_its_submission_or_for_its_run_at(
    store: FakeTaskStore, clock: FakeClock, read: ReadAttempts
) -> None:
    queued = submit(store)
    run_at = clock.now() + timedelta(hours=1)
    scheduled = submit(store, run_at=run_at)

    assert read.execute(queued.task_id).waiting_since == queued.submitted_at
    assert read.execute(scheduled.task_id).waiting_since == run_at
    assert read.execute(queued.task_id).attempts == []
    with pytest.raises(TaskNotFound):
        read.execute("nonsense")


def test_each_attempt_waits_from_the_end_of_the_back_off_before_it(
    store: FakeTaskStore, clock: FakeClock, read: ReadAttempts
) -> None:
    waiting = failed_once(store, clock)
    due = waiting.due_at
    assert due
    assert read.execute(waiting.task_id).waiting_since == due
    clock.advance(timedelta(seconds=90))
    change(store, waiting, waiting.promote())
    run = claim(store)

    first, second = read.execute(run.task_id).attempts

    assert (first.queued_at, first.next_at) == (waiting.submitted_at, due)
    assert (second.queued_at, second.outcome) == (due, AttemptOutcome.RUNNING)
    assert second.started_at == clock.now()
    assert read.execute(run.task_id).waiting_since is None


@pytest.mark.parametrize("seconds", [10, 600])
def test_a_caller_may_move_the_end_of_a_back_off(
    store: FakeTaskStore, clock: FakeClock, read: ReadAttempts, seconds: int
) -> None:
    waiting = failed_once(store, clock)
    moved = clock.now() + timedelta(seconds=seconds)
    waiting = change(store, waiting, waiting.patch(TaskPatch({"run_at": moved})))
    clock.advance(timedelta(minutes=60))
    waiting = change(store, waiting, waiting.promote())
    assert read.execute(waiting.task_id).waiting_since == moved
    run = claim(store)
    clock.advance(timedelta(seconds=5))
    assert read.execute(run.task_id).attempts[1].queued_at == moved
    handed_back_at = clock.now()
    change(store, run, run.stop(handed_back_at))
    clock.advance(timedelta(seconds=5))
    claim(store)

    attempts = read.execute(waiting.task_id).attempts

    assert [attempt.queued_at for attempt in attempts[1:]] == [moved, handed_back_at]


def test_a_caller_that_retries_a_task_starts_its_attempts_anew(
    store: FakeTaskStore, clock: FakeClock, read: ReadAttempts
) -> None:
    task = submit(store)
    run = claim(store)
    failed = change(store, run, run.fail(AN_ERROR, clock.now()))
    clock.advance(timedelta(minutes=5))
    retried_at = clock.now()
    change(store, failed, failed.retry(clock.now()))
    assert read.execute(task.task_id).waiting_since == retried_at
    clock.advance(timedelta(minutes=1))
    store.save(completed(claim(store)))

    first, second = read.execute(task.task_id).attempts

    assert (first.number, first.outcome, first.next_at) == (1, AttemptOutcome.FAILED, None)
    assert (second.number, second.outcome) == (1, AttemptOutcome.COMPLETED)
    assert second.queued_at == retried_at


def test_a_task_of_an_older_version_tells_of_its_last_run_only(
    store: FakeTaskStore, clock: FakeClock, read: ReadAttempts
) -> None:
    waiting = failed_once(store, clock)
    store.attempts.clear()
    assert read.execute(waiting.task_id).waiting_since == waiting.due_at
    change(store, waiting, waiting.promote())
    assert read.execute(waiting.task_id).waiting_since is None
    run = claim(store)
    change(store, run, run.fail(AN_ERROR, clock.now(), retry=False))
    [attempt] = read.execute(run.task_id).attempts
    assert (attempt.number, attempt.queued_at, attempt.owner) == (2, None, "a:1")
    store.attempts.clear()

    [attempt] = read.execute(run.task_id).attempts

    assert (attempt.number, attempt.outcome) == (2, AttemptOutcome.FAILED)
    assert attempt.error == AN_ERROR
    assert (attempt.queued_at, attempt.owner) == (None, None)


def test_it_is_not_known_since_when_the_oldest_of_many_attempts_waited(
    store: FakeTaskStore, clock: FakeClock, read: ReadAttempts
) -> None:
    task = submit(store)
    for _ in range(MAX_ENTRIES + 1):
        clock.advance(timedelta(seconds=1))
        run = claim(store)
        change(store, run, run.stop(clock.now()))

    attempts = read.execute(task.task_id).attempts

    assert len(attempts) == MAX_ENTRIES
    assert attempts[0].queued_at is None
    assert all(attempt.queued_at for attempt in attempts[1:])
