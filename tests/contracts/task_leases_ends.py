"""The part of the contract of TaskLeases about the end of a run and the claim after it."""

from datetime import UTC, datetime

import pytest

from application.errors import RunStillHeld, StaleTask
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.task_spec import TaskPatch
from tests.storing import claim, completed, submit


class RunEndsContract:
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
