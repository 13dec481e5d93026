"""The part of the contract of TaskRepository about the tasks that maintenance has to process."""

from datetime import UTC, datetime, timedelta

from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Backlog, Change, TaskRepository
from domain.task_spec import TaskPatch
from tests.storing import rename, submit

AT_ONCE = timedelta(0)
A_WEEK = timedelta(days=7)


class TaskBacklogsContract:
    def test_final_tasks_are_past_their_retention_in_the_order_in_which_they_finished(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        second, first, _waiting = submit(repository), submit(repository), submit(repository)
        for task in (first, second):
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
        leases.claim("default", owner="a:1", claim_id="1")

        past_retention = repository.past_retention(AT_ONCE, limit=10)

        assert [task.task_id for task in past_retention] == [first.task_id, second.task_id]
        assert repository.past_retention(AT_ONCE, limit=1) == past_retention[:1]
        assert list(repository.past_retention(A_WEEK, limit=10)) == []

    def test_a_task_removed_early_does_not_hold_up_the_others(
        self, repository: TaskRepository
    ) -> None:
        removed, kept = (
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
            for task in (submit(repository), submit(repository))
        )
        repository.remove(removed)

        assert list(repository.past_retention(AT_ONCE, limit=10)) == [kept]
        assert list(repository.past_retention(AT_ONCE, limit=1)) == [kept]

    def test_batches_of_removed_tasks_do_not_hold_up_the_others(
        self, repository: TaskRepository
    ) -> None:
        final = [
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
            for task in [submit(repository) for _ in range(7)]
        ]
        repository.remove_many(final[:6])

        assert list(repository.past_retention(AT_ONCE, limit=2)) == [final[6]]

    def test_only_scheduled_tasks_past_their_run_at_are_due(
        self, repository: TaskRepository
    ) -> None:
        second, first = (
            submit(repository, run_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (2001, 2000)
        )
        submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))
        submit(repository)

        assert list(repository.due(limit=10)) == [first, second]
        assert list(repository.due(limit=1)) == [first]
        repository.save_many(
            [Change(before=task, after=task.promote()) for task in (first, second)]
        )
        assert list(repository.due(limit=10)) == []

    def test_only_waiting_tasks_past_their_expires_at_are_expiring(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        submit(repository, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
        submit(repository)

        assert list(repository.expiring(limit=10)) == [late]
        repository.save(Change(before=late, after=late.expire(datetime.now(UTC))))
        assert list(repository.expiring(limit=10)) == []

    def test_a_task_that_was_deleted_while_it_ran_is_discarded_once_it_is_final(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        run = leases.claim("default", owner="a:1", claim_id="1")
        discarded = repository.save(Change(before=run, after=run.discard(datetime.now(UTC))))
        assert list(repository.discarded(limit=10)) == []

        ended = repository.save(Change(before=discarded, after=discarded.stop(datetime.now(UTC))))

        assert list(repository.discarded(limit=10)) == [ended]
        repository.remove(ended)
        assert list(repository.discarded(limit=10)) == []

    def test_a_task_that_is_set_aside_does_not_hold_up_the_others(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        run = leases.claim("default", owner="a:1", claim_id="1")
        discarded = repository.save(Change(before=run, after=run.discard(datetime.now(UTC))))
        ended = repository.save(Change(before=discarded, after=discarded.stop(datetime.now(UTC))))
        stuck, due = (
            submit(repository, run_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (2000, 2001)
        )
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))

        repository.set_aside(Backlog.DUE, [stuck])
        repository.set_aside(Backlog.EXPIRING, [late])
        repository.set_aside(Backlog.DISCARDED, [ended])

        assert list(repository.due(limit=1)) == [due]
        assert list(repository.expiring(limit=1)) == []
        assert list(repository.discarded(limit=1)) == []
        assert repository.get_many([stuck.task_id, late.task_id, ended.task_id]) == [
            stuck,
            late,
            ended,
        ]

    def test_a_final_task_that_is_set_aside_goes_behind_the_others(
        self, repository: TaskRepository
    ) -> None:
        first, second = (submit(repository) for _ in range(2))
        first, second = (
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
            for task in (first, second)
        )

        repository.set_aside(Backlog.PAST_RETENTION, [first])

        assert list(repository.past_retention(AT_ONCE, limit=1)) == [second]
        assert list(repository.past_retention(AT_ONCE, limit=2)) == [second, first]

    def test_a_task_that_was_changed_meanwhile_is_not_set_aside(
        self, repository: TaskRepository
    ) -> None:
        seen = submit(repository, run_at=datetime(2000, 1, 1, tzinfo=UTC))
        newer = repository.save(rename(seen, "newer"))

        repository.set_aside(Backlog.DUE, [seen])

        assert list(repository.due(limit=1)) == [newer]

    def test_a_task_that_starts_or_ends_is_not_expiring_any_more(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        soon = datetime(2999, 1, 1, tzinfo=UTC)
        submit(repository, expires_at=soon)
        run = leases.claim("default", owner="a:1", claim_id="1")
        done = repository.save(Change(before=run, after=run.complete(None, datetime.now(UTC))))
        assert list(repository.expiring(limit=10)) == []
        repository.remove(done)

        assert list(repository.expiring(limit=10)) == []

    def test_a_task_that_gets_a_later_expiry_waits_again(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        assert leases.claim("default", owner="a:1", claim_id="1") is None

        repository.save(Change(before=late, after=late.patch(TaskPatch({"expires_at": None}))))

        assert leases.claim("default", owner="a:1", claim_id="2").task_id == late.task_id
