"""The contract of TaskLeases, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from application.errors import RunStillHeld, StaleTask
from application.ports.task_leases import LostRun, TaskLeases
from application.ports.task_repository import Backlog, Change, TaskRepository
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.contracts.task_repository import submit

MORE_THAN_A_CLAIM_LOOKS_AT = 101


def claim(leases: TaskLeases, owner: str = "a:1", claim_id: str = "1"):
    return leases.claim("default", owner=owner, claim_id=claim_id)


def completed(run: Task) -> Change:
    return Change(before=run, after=run.complete("done", datetime.now(UTC)))


class TaskLeasesContract:
    """`let_leases_run_out` returns when the leases taken so far have expired."""

    def test_a_claim_of_an_empty_queue_returns_none(self, leases: TaskLeases) -> None:
        assert claim(leases) is None

    def test_a_claim_stores_the_same_start_as_the_domain(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        waiting = submit(repository, labels={"a": "b"})

        run = claim(leases)

        assert run == waiting.start(
            owner="a:1", fencing_token=run.fencing_token, now=run.started_at
        )
        assert repository.get(run.task_id) == run

    def test_tasks_start_in_the_order_in_which_they_were_submitted(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        ids = [submit(repository).task_id for _ in range(20)]

        assert [claim(leases, owner=f"a:{number}").task_id for number in range(20)] == ids

    def test_a_higher_priority_starts_first(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        by_priority = {priority: submit(repository, priority=priority) for priority in (0, 5, 9, 1)}

        started = [claim(leases, owner=f"a:{number}").spec.priority for number in range(4)]

        assert started == sorted(by_priority, reverse=True)

    def test_a_task_that_gets_its_old_priority_back_has_its_old_position(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first, second = submit(repository), submit(repository)
        lowered = repository.save(
            Change(before=first, after=first.patch(TaskPatch({"priority": 1})))
        )
        repository.save(Change(before=lowered, after=lowered.patch(TaskPatch({"priority": 5}))))

        assert claim(leases).task_id == first.task_id
        assert claim(leases, owner="a:2").task_id == second.task_id

    def test_a_held_task_is_never_claimed_by_another_owner(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        claim(leases, owner="a:1")

        assert claim(leases, owner="b:1") is None

    def test_a_cancelled_task_is_not_started(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        task = submit(repository)
        repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))

        assert claim(leases) is None

    def test_repeating_a_claim_returns_the_same_run(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository), submit(repository)

        assert claim(leases, claim_id="7") == claim(leases, claim_id="7")

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

    def test_a_second_claim_of_an_owner_that_holds_a_run_is_refused(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository), submit(repository)
        held = claim(leases, claim_id="1")

        with pytest.raises(RunStillHeld) as refusal:
            claim(leases, claim_id="2")

        assert refusal.value.run == held
        assert repository.get(held.task_id) == held

    def test_a_task_of_another_queue_is_not_claimed(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        other = submit(repository, queue="other")

        assert claim(leases) is None
        moved = repository.save(
            Change(before=other, after=other.patch(TaskPatch({"queue": "default"})))
        )
        assert claim(leases).task_id == moved.task_id
        assert leases.claim("other", owner="a:2", claim_id="1") is None

    def test_a_scheduled_task_is_not_claimed(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))

        assert claim(leases) is None

    def test_a_claim_skips_exactly_the_tasks_that_have_expired(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        now = datetime.now(UTC)
        times = [datetime(year, 1, 1, tzinfo=UTC) for year in (1999, 2999)]
        tasks = [submit(repository, expires_at=expires_at) for expires_at in (*times, None)]

        claimed = [claim(leases, f"owner:{number}") for number in range(len(tasks))]

        not_expired = [task.task_id for task in tasks if not task.has_expired(now)]
        assert len(not_expired) == 2
        assert [run.task_id for run in claimed if run] == not_expired

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

    def test_a_result_with_an_earlier_fencing_token_is_refused(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        earlier = claim(leases)
        repository.save(Change(before=earlier, after=earlier.stop(earlier.started_at)))
        later = claim(leases, owner="b:1")

        with pytest.raises(StaleTask):
            repository.save(
                Change(before=earlier, after=earlier.complete("stale", datetime.now(UTC)))
            )

        assert repository.get(later.task_id) == later

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

    def test_the_end_of_a_run_and_the_next_claim_are_one_call(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first, second = submit(repository), submit(repository)
        run = claim(leases, claim_id="1")

        next_run = leases.finish_and_claim(completed(run), "default", owner="a:1", claim_id="2")
        none_left = leases.finish_and_claim(
            completed(next_run), "default", owner="a:1", claim_id="3"
        )

        assert (run.task_id, next_run.task_id, none_left) == (first.task_id, second.task_id, None)
        assert [repository.get(task.task_id).result for task in (first, second)] == ["done", "done"]
        assert list(leases.held_by(["a:1"])) == []

    def test_an_end_that_cannot_be_saved_leaves_the_run_and_claims_no_other(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository), submit(repository)
        run = claim(leases)
        changed = repository.save(
            Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}})))
        )

        with pytest.raises(StaleTask):
            leases.finish_and_claim(completed(run), "default", owner="a:1", claim_id="2")

        assert list(leases.held_by(["a:1"])) == [changed]
        repository.save(completed(changed))
        assert claim(leases, claim_id="2") is not None

    def test_an_end_that_comes_too_late_claims_no_other_task(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository), submit(repository)
        run = claim(leases)
        repository.save(completed(run))

        with pytest.raises(StaleTask):
            leases.finish_and_claim(completed(run), "default", owner="a:1", claim_id="2")

        assert list(leases.held_by(["a:1"])) == []

    def test_an_end_is_saved_even_when_the_claim_after_it_is_refused(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(3):
            submit(repository)
        held, run = claim(leases, owner="a:1"), claim(leases, owner="a:2")

        with pytest.raises(RunStillHeld) as refusal:
            leases.finish_and_claim(completed(run), "default", owner="a:1", claim_id="2")

        assert refusal.value.run == held
        assert repository.get(run.task_id).result == "done"

    def test_a_repeated_end_and_claim_starts_no_third_run(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(3):
            submit(repository)
        run = claim(leases, claim_id="1")
        next_run = leases.finish_and_claim(completed(run), "default", owner="a:1", claim_id="2")

        with pytest.raises(StaleTask):
            leases.finish_and_claim(completed(run), "default", owner="a:1", claim_id="2")

        assert claim(leases, claim_id="2") == next_run

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

    def test_a_claim_that_meets_many_expired_tasks_leaves_the_rest_to_the_next(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(MORE_THAN_A_CLAIM_LOOKS_AT):
            submit(repository, priority=9, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        good = submit(repository)

        claims = (claim(leases, claim_id=str(number)) for number in range(3))

        assert next(run for run in claims if run).task_id == good.task_id
