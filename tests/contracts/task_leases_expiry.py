"""The part of the contract of TaskLeases about leases that are renewed, expire or are lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from application.errors import StaleTask
from application.ports.task_leases import LostRun, TaskLeases
from application.ports.task_repository import Backlog, Change, TaskRepository
from domain.task_spec import TaskPatch
from tests.storing import claim, submit


class LeaseExpiryContract:
    """`let_leases_run_out` returns when the leases taken so far have expired."""

    def test_repeating_a_claim_renews_its_lease(
        self, repository: TaskRepository, leases: TaskLeases, let_leases_run_out: Callable[[], None]
    ) -> None:
        submit(repository)
        run = claim(leases, claim_id="7")
        let_leases_run_out()

        assert claim(leases, claim_id="7") == run

        assert list(leases.expired(limit=10)) == []
        with pytest.raises(StaleTask):
            repository.save(
                Change(before=run, after=run.lose(run.started_at), only_if_lease_expired=True)
            )

    def test_the_lease_of_a_run_can_be_renewed_until_it_ends(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        run = claim(leases)
        assert leases.renew(run)

        repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))

        assert not leases.renew(run)

    def test_an_earlier_claim_cannot_renew_the_lease_of_a_later_one(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        earlier = claim(leases)
        handed_back = repository.save(
            Change(before=earlier, after=earlier.stop(earlier.started_at))
        )
        later = claim(leases, owner="b:1")

        assert later.task_id == handed_back.task_id
        assert not leases.renew(earlier)
        assert leases.renew(later)

    def test_only_leases_past_their_duration_are_expired(
        self, repository: TaskRepository, leases: TaskLeases, let_leases_run_out: Callable[[], None]
    ) -> None:
        submit(repository), submit(repository), submit(repository)
        lost = claim(leases, owner="a:1")
        assert list(leases.expired(limit=10)) == []
        let_leases_run_out()
        claim(leases, owner="b:1")

        assert list(leases.expired(limit=10)) == [lost]

    def test_a_renewed_lease_is_not_expired(
        self, repository: TaskRepository, leases: TaskLeases, let_leases_run_out: Callable[[], None]
    ) -> None:
        submit(repository)
        run = claim(leases)
        let_leases_run_out()
        leases.renew(run)

        with pytest.raises(StaleTask):
            repository.save(
                Change(before=run, after=run.lose(run.started_at), only_if_lease_expired=True)
            )

        assert repository.get(run.task_id) == run

    def test_a_recovered_task_keeps_its_position_in_the_queue(
        self, repository: TaskRepository, leases: TaskLeases, let_leases_run_out: Callable[[], None]
    ) -> None:
        first, _second = submit(repository), submit(repository)
        run = claim(leases)
        let_leases_run_out()
        repository.save(
            Change(before=run, after=run.lose(run.started_at), only_if_lease_expired=True)
        )

        again = claim(leases, owner="b:1")

        assert (again.task_id, again.attempt, again.crashes) == (first.task_id, 2, 1)
        assert list(leases.held_by_prefix("a:")) == []

    def test_held_tasks_are_found_by_the_names_or_the_prefix_of_their_owners(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(4):
            submit(repository)
        one, two = (claim(leases, owner=f"a:{number}") for number in (1, 2))
        claim(leases, owner="ab:1")
        finished = claim(leases, owner="a:3")
        repository.save(Change(before=finished, after=finished.complete(None, datetime.now(UTC))))

        assert list(leases.held_by(["a:2", "a:3", "a:4"])) == [two]
        assert list(leases.held_by([])) == []
        assert sorted(leases.held_by_prefix("a:"), key=lambda task: task.fencing_token) == [
            one,
            two,
        ]

    def test_a_run_that_counted_as_a_crash_is_found_by_its_owner(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository), submit(repository)
        lost, stopped = claim(leases, owner="a:1"), claim(leases, owner="a:2")
        again = repository.save(Change(before=lost, after=lost.lose(lost.started_at)))
        repository.save(Change(before=stopped, after=stopped.stop(stopped.started_at)))

        assert list(leases.lost_by(["a:1", "a:2", "a:3"])) == [
            LostRun(task=again, fencing_token=lost.fencing_token, owner="a:1")
        ]
        assert list(leases.lost_by([])) == []

    def test_a_change_of_the_labels_does_not_end_the_run(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        run = claim(leases)

        labelled = repository.save(
            Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}})))
        )

        assert labelled == replace(run, spec=labelled.spec, version=run.version + 1)
        assert leases.renew(run)

    def test_a_lost_run_that_is_set_aside_does_not_hold_up_the_others(
        self, repository: TaskRepository, leases: TaskLeases, let_leases_run_out: Callable[[], None]
    ) -> None:
        submit(repository), submit(repository)
        stuck, other = claim(leases, owner="a:1"), claim(leases, owner="a:2")
        let_leases_run_out()

        repository.set_aside(Backlog.LOST, [stuck])

        assert list(leases.expired(limit=10)) == [other]
