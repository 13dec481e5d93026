"""The part of the contract of TaskLeases about many runs at once: those of the I/O pool."""

from datetime import UTC, datetime

from application.errors import RunStillHeld
from application.ports.task_leases import Claim, TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.status import Status
from domain.task import Task
from domain.task_spec import IO
from tests.building import a_task
from tests.storing import claim, completed, stored


def submit_io(repository: TaskRepository, **members: object) -> Task:
    return repository.save(Change(before=None, after=a_task(pool=IO, **members)))


def io_claims(number: int, queue: str = "default", claim_id: str = "1") -> list[Claim]:
    return [Claim(queue=queue, owner=f"a:1.{at}", claim_id=claim_id) for at in range(number)]


def claim_io(leases: TaskLeases, number: int = 1) -> list[Task]:
    _, claimed = leases.finish_and_claim_many([], io_claims(number))
    return [run for run in claimed if isinstance(run, Task)]


class ManyRunsContract:
    def test_each_pool_claims_the_tasks_of_its_own_lane(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        waiting, computing = submit_io(repository), a_task()
        repository.save(Change(before=None, after=computing))

        assert claim(leases, owner="b:1").task_id == computing.task_id
        assert claim(leases, owner="b:2") is None
        assert [run.task_id for run in claim_io(leases, 2)] == [waiting.task_id]

    def test_positions_count_within_a_lane(self, repository: TaskRepository) -> None:
        tasks = [submit_io(repository), submit_io(repository)]
        other = repository.save(Change(before=None, after=a_task()))

        positions = repository.positions([*tasks, other])

        assert [positions[task.task_id] for task in (*tasks, other)] == [1, 2, 1]

    def test_many_are_claimed_at_once_in_their_order(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        ids = [submit_io(repository).task_id for _ in range(5)]

        runs = claim_io(leases, 7)

        assert [run.task_id for run in runs] == ids
        assert [run.owner for run in runs] == [f"a:1.{at}" for at in range(5)]
        assert len({run.fencing_token for run in runs}) == 5

    def test_ends_are_saved_before_the_claims(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(3):
            submit_io(repository)
        first, second = claim_io(leases, 2)

        saved, claimed = leases.finish_and_claim_many(
            [completed(first), completed(second)], io_claims(2, claim_id="2")
        )

        assert saved == [True, True]
        assert stored(repository, first).status is Status.COMPLETED
        assert [isinstance(run, Task) for run in claimed] == [True, False]

    def test_an_end_that_cannot_be_saved_does_not_hold_up_the_others(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(2):
            submit_io(repository)
        stale, good = claim_io(leases, 2)
        repository.save(Change(before=stale, after=stale.cancel(datetime.now(UTC))))

        saved, _ = leases.finish_and_claim_many([completed(stale), completed(good)], [])

        assert saved == [False, True]
        assert stored(repository, stale).status is Status.PROCESSING

    def test_repeated_claims_return_the_same_runs(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(3):
            submit_io(repository)

        assert claim_io(leases, 2) == claim_io(leases, 2)

    def test_another_claim_of_a_slot_that_holds_a_run_returns_that_run(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit_io(repository), submit_io(repository)
        [held] = claim_io(leases)

        _, [refused] = leases.finish_and_claim_many([], io_claims(1, claim_id="2"))

        assert isinstance(refused, RunStillHeld)
        assert refused.run == held

    def test_renewing_many_tells_which_were_lost_and_which_are_to_stop(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        for _ in range(3):
            submit_io(repository)
        going, cancelled, lost = claim_io(leases, 3)
        repository.save(Change(before=cancelled, after=cancelled.cancel(datetime.now(UTC))))
        repository.save(Change(before=lost, after=lost.lose(lost.started_at)))

        renewals = leases.renew_each([going, cancelled, lost])

        assert [run.task_id for run in renewals.lost] == [lost.task_id]
        assert [run.task_id for run in renewals.to_stop] == [cancelled.task_id]
        assert leases.renew_each([]).lost == []

    def test_a_task_that_moves_to_the_other_pool_keeps_its_place(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first = submit_io(repository)
        later = repository.save(Change(before=None, after=a_task()))
        [run] = claim_io(leases)
        repository.save(Change(before=run, after=run.move_to_process(run.started_at)))

        claimed = [claim(leases, owner=f"b:{number}").task_id for number in range(2)]

        assert claimed == [first.task_id, later.task_id]
