"""The contract of Queues, inherited by the tests of its fake and of its adapter."""

from datetime import UTC, datetime

import pytest

from application.ports.queues import Queues
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from tests.storing import claim, submit

LATER = datetime(2999, 1, 1, tzinfo=UTC)


class QueuesContract:
    def test_a_queue_exists_once_a_task_has_named_it(
        self, repository: TaskRepository, queues: Queues
    ) -> None:
        assert list(queues.names()) == []

        submit(repository, queue="b")
        submit(repository, queue="a", run_at=LATER)

        assert list(queues.names()) == ["a", "b"]

    def test_a_queue_state_counts_queued_running_and_scheduled_tasks(
        self, repository: TaskRepository, leases: TaskLeases, queues: Queues
    ) -> None:
        submit(repository, priority=9)
        oldest = submit(repository)
        for priority in (0, 5, 9):
            submit(repository, priority=priority)
        scheduled = submit(repository, run_at=LATER)
        repository.remove(submit(repository, run_at=LATER))
        submit(repository, queue="other")
        claim(leases)

        here, other, unknown = queues.states(["default", "other", "unknown"])

        assert (here.name, here.depth, here.processing, here.scheduled) == ("default", 4, 1, 1)
        assert here.oldest_waiting_since == oldest.submitted_at
        assert (other.depth, other.processing, other.scheduled) == (1, 0, 0)
        assert (unknown.depth, unknown.oldest_waiting_since) == (0, None)
        moved = scheduled.promote()
        repository.save(Change(before=scheduled, after=moved))
        assert queues.states(["default"])[0].scheduled == 0

    def test_a_paused_queue_accepts_tasks_and_starts_none(
        self, repository: TaskRepository, leases: TaskLeases, queues: Queues
    ) -> None:
        run = submit(repository)
        claim(leases, owner="a:1")
        queues.pause("default")
        queues.pause("default")
        waiting = submit(repository)

        assert claim(leases, owner="b:1") is None
        assert queues.states(["default"])[0].paused
        assert leases.renew(repository.get(run.task_id))
        queues.resume("default")
        assert not queues.states(["default"])[0].paused
        assert claim(leases, owner="b:1").task_id == waiting.task_id

    def test_a_paused_queue_exists_even_without_tasks(self, queues: Queues) -> None:
        queues.pause("served")

        assert list(queues.names()) == ["served"]
        queues.resume("served")
        assert list(queues.names()) == []

    def test_every_queue_in_which_a_task_waits_is_waiting(
        self, repository: TaskRepository, queues: Queues
    ) -> None:
        submit(repository, queue="b")
        submit(repository, queue="later", run_at=LATER)
        scheduled = submit(repository, queue="due", run_at=LATER)
        repository.save(Change(before=scheduled, after=scheduled.promote()))

        assert sorted(queues.waiting()) == ["b", "due"]

    def test_a_queue_without_tasks_is_forgotten_with_its_pause(
        self, repository: TaskRepository, leases: TaskLeases, queues: Queues
    ) -> None:
        repository.remove(submit(repository, queue="gone"))
        queues.pause("gone")
        queues.pause("only-paused")

        assert queues.forget("gone")
        assert queues.forget("only-paused")
        assert queues.forget("unknown")

        assert list(queues.names()) == []
        waiting = submit(repository, queue="gone")
        assert list(queues.names()) == ["gone"]
        assert leases.claim("gone", owner="a:1", claim_id="1").task_id == waiting.task_id

    @pytest.mark.parametrize("is_final", [False, True])
    def test_a_queue_with_a_task_is_not_forgotten(
        self, repository: TaskRepository, queues: Queues, is_final: bool
    ) -> None:
        task = submit(repository, queue="mine")
        if is_final:
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
        queues.pause("mine")

        assert not queues.forget("mine")

        assert list(queues.names()) == ["mine"]
        assert queues.states(["mine"])[0].paused
