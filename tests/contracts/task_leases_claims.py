"""The part of the contract of TaskLeases about claims: which task starts next, and for whom."""

from datetime import UTC, datetime

import pytest

from application.errors import RunStillHeld
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.task_spec import TaskPatch
from tests.storing import claim, submit

MORE_THAN_A_CLAIM_LOOKS_AT = 101


class ClaimsContract:
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

    def test_a_claim_that_meets_many_expired_tasks_leaves_the_rest_to_the_next(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(MORE_THAN_A_CLAIM_LOOKS_AT):
            submit(repository, priority=9, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        good = submit(repository)

        claims = (claim(leases, claim_id=str(number)) for number in range(3))

        assert next(run for run in claims if run).task_id == good.task_id
