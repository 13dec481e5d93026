"""The contract of AttemptLog, inherited by the tests of its fake and of its adapter.

The repository of the same store adds the entries.
"""

from datetime import timedelta

from application.ports.attempt_log import MAX_ENTRIES, AttemptLog, Requeued
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.attempt import Attempt, AttemptOutcome
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.task_error import TaskError
from tests.building import AN_ERROR
from tests.storing import claim, completed, stored, submit


def end(repository: TaskRepository, run: Task, after: Task) -> Task:
    return repository.save(Change(before=run, after=after))


def run_again(repository: TaskRepository, leases: TaskLeases, task: Task) -> Task:
    queued = repository.save(Change(before=task, after=task.promote())) if task.due_at else task
    run = claim(leases)
    assert run.task_id == queued.task_id
    return run


class AttemptLogContract:
    def test_a_task_that_succeeds_in_its_first_attempt_needs_no_entry(
        self, repository: TaskRepository, leases: TaskLeases, attempt_log: AttemptLog
    ) -> None:
        task = submit(repository)
        repository.save(completed(claim(leases)))

        assert list(attempt_log.entries(task.task_id)) == []
        assert list(attempt_log.entries("no id")) == []

    def test_each_end_of_a_run_is_stored_with_its_times_worker_error_and_next_attempt(
        self, repository: TaskRepository, leases: TaskLeases, attempt_log: AttemptLog
    ) -> None:
        task = submit(repository, retry=RetryPolicy(max_attempts=5, initial_delay=60))
        late = TaskError(code="timeout", message="It took too long.")
        runs = [claim(leases)]
        for end_run in (
            lambda run: run.fail(AN_ERROR, run.started_at),
            lambda run: run.fail(late, run.started_at),
            lambda run: run.lose(run.started_at, "Killed."),
            lambda run: run.postpone(run.started_at),
            lambda run: run.stop(run.started_at),
            lambda run: run.complete("done", run.started_at),
        ):
            ended = end(repository, runs[-1], end_run(runs[-1]))
            if not ended.status.is_final:
                runs.append(run_again(repository, leases, ended))

        entries = list(attempt_log.entries(task.task_id))

        assert [(entry.number, entry.outcome) for entry in entries] == [
            (1, AttemptOutcome.FAILED),
            (2, AttemptOutcome.TIMED_OUT),
            (3, AttemptOutcome.WORKER_LOST),
            (4, AttemptOutcome.POSTPONED),
            (4, AttemptOutcome.HANDED_BACK),
            (4, AttemptOutcome.COMPLETED),
        ]
        assert [entry.started_at for entry in entries] == [run.started_at for run in runs]
        assert [entry.owner for entry in entries] == ["a:1"] * 6
        assert [entry.error and entry.error.code for entry in entries] == [
            "handler_error",
            "timeout",
            "worker_lost",
            None,
            None,
            None,
        ]
        first, _, lost, postponed, handed_back, last = entries
        assert first.next_at - first.started_at > timedelta(seconds=50)
        assert postponed.next_at - postponed.started_at > timedelta(seconds=9)
        assert (lost.next_at, handed_back.next_at) == (lost.ended_at, handed_back.ended_at)
        assert last.next_at is None
        assert last.ended_at == stored(repository, task).finished_at

    def test_a_failure_for_good_a_cancelled_run_and_a_retry_by_a_caller_are_stored(
        self, repository: TaskRepository, leases: TaskLeases, attempt_log: AttemptLog
    ) -> None:
        task = submit(repository)
        run = claim(leases)
        failed = end(repository, run, run.fail(AN_ERROR, run.started_at))
        end(repository, failed, failed.retry(failed.finished_at))
        asked = claim(leases)
        asked = end(repository, asked, asked.cancel(asked.started_at))
        cancelled = end(repository, asked, asked.stop(asked.started_at))

        first, again, second = attempt_log.entries(task.task_id)

        assert (type(first), type(again), type(second)) == (Attempt, Requeued, Attempt)
        assert (first.outcome, first.ended_at) == (AttemptOutcome.FAILED, failed.finished_at)
        assert first.ended_at <= again.at <= second.started_at
        assert (second.number, second.outcome) == (1, AttemptOutcome.CANCELLED)
        assert second.ended_at == cancelled.finished_at

    def test_the_last_entries_are_kept_until_the_task_is_removed(
        self, repository: TaskRepository, leases: TaskLeases, attempt_log: AttemptLog
    ) -> None:
        task = submit(repository)
        for _ in range(MAX_ENTRIES + 3):
            run = claim(leases)
            task = end(repository, run, run.stop(run.started_at))

        entries = attempt_log.entries(task.task_id)

        assert len(entries) == MAX_ENTRIES
        assert entries[-1].started_at == run.started_at
        repository.remove(task)
        assert list(attempt_log.entries(task.task_id)) == []

    def test_a_long_message_is_cut(
        self, repository: TaskRepository, leases: TaskLeases, attempt_log: AttemptLog
    ) -> None:
        task = submit(repository)
        run = claim(leases)
        error = TaskError(code="handler_error", message="ä" * 10_000)

        end(repository, run, run.fail(error, run.started_at))

        [entry] = attempt_log.entries(task.task_id)
        message = "ä" * 300 + "… (9700 characters more)"
        assert entry.error == TaskError(code="handler_error", message=message)
