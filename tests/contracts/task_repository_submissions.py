"""The part of the contract of TaskRepository about new tasks and their idempotency records."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from application.errors import AlreadySubmitted, StaleTask
from application.ports.rate_limits import RateLimitExceeded
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, IdempotencyRecord, PageRequest, TaskRepository
from application.task_filter import EVERY_TASK
from domain.task import Task
from tests.building import a_task
from tests.contracts.rate_limits import a_charge
from tests.storing import submit


class NewTasksContract:
    def test_a_new_task_may_be_final(self, repository: TaskRepository) -> None:
        cancelled = a_task().cancel(datetime.now(UTC))

        [kept] = repository.add([cancelled])

        assert repository.get(cancelled.task_id) == kept
        assert kept == replace(
            cancelled, submitted_at=kept.submitted_at, finished_at=kept.submitted_at
        )

    def test_submitted_at_comes_from_the_clock_of_the_store(
        self, repository: TaskRepository
    ) -> None:
        wrong_clock = datetime(1999, 1, 1, tzinfo=UTC)
        task = Task.submit(a_task().task_id, a_task().spec, wrong_clock)

        saved = repository.save(Change(before=None, after=task))

        assert saved.submitted_at > wrong_clock
        assert repository.get(saved.task_id) == saved

    def test_a_new_task_cannot_replace_another(self, repository: TaskRepository) -> None:
        task = submit(repository)

        with pytest.raises(StaleTask):
            repository.save(Change(before=None, after=task))

    def test_all_new_tasks_are_added_or_none(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        taken, new = submit(repository, queue="other"), a_task()

        with pytest.raises(StaleTask):
            repository.add([new, replace(taken, version=1)])

        assert repository.get(new.task_id) is None
        added = repository.add([new, a_task()])
        assert repository.get_many([task.task_id for task in added]) == list(added)
        assert leases.claim("default", owner="a:1", claim_id="1").task_id == new.task_id

    def test_a_request_with_an_idempotency_record_adds_its_tasks_once(
        self, repository: TaskRepository
    ) -> None:
        idempotency_record = IdempotencyRecord(key="mine ✓", request_hash=b"1" * 32)
        added = repository.add([a_task(), a_task()], idempotency_record)

        with pytest.raises(AlreadySubmitted) as refusal:
            repository.add([a_task()], IdempotencyRecord(key="mine ✓", request_hash=b"2" * 32))

        assert refusal.value.request_hash == b"1" * 32
        assert refusal.value.task_ids == [task.task_id for task in added]
        assert refusal.value.submitted_at == added[0].submitted_at
        assert repository.find(EVERY_TASK, PageRequest()).total == 2
        repository.add([a_task()], IdempotencyRecord(key="other", request_hash=b"1" * 32))

    def test_each_new_task_counts_against_the_limit_of_its_caller(
        self, repository: TaskRepository
    ) -> None:
        charges = [a_charge(units=3) for _ in range(3)]
        repository.add([a_task(), a_task()], charge=charges[0])

        with pytest.raises(RateLimitExceeded):
            repository.add([a_task(), a_task()], charge=charges[1])
        repository.add([a_task()], charge=charges[2])

        assert [charge.usage and charge.usage.remaining for charge in charges] == [1, 1, 0]
        assert repository.find(EVERY_TASK, PageRequest()).total == 3

    def test_a_request_that_is_refused_otherwise_counts_nothing(
        self, repository: TaskRepository
    ) -> None:
        record = IdempotencyRecord(key="one", request_hash=b"1" * 32)
        repository.add([a_task()], record, a_charge(units=1))
        charge = a_charge(units=1)

        with pytest.raises(AlreadySubmitted):
            repository.add([a_task()], record, charge)

        assert charge.usage is None

    def test_exactly_one_of_many_requests_with_one_key_adds_its_tasks(
        self, repository: TaskRepository
    ) -> None:
        racers, refused = 8, []
        barrier = threading.Barrier(racers)

        def race() -> None:
            barrier.wait()
            try:
                repository.add([a_task()], IdempotencyRecord(key="one", request_hash=b"1" * 32))
            except AlreadySubmitted as earlier:
                refused.append(earlier.task_ids)

        threads = [threading.Thread(target=race) for _ in range(racers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        [task] = repository.find(EVERY_TASK, PageRequest()).tasks
        assert refused == [[task.task_id]] * (racers - 1)
