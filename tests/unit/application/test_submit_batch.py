"""Batches of tasks, and requests with an idempotency record."""

from datetime import timedelta

import pytest

from application.admission import Admission
from application.errors import IdempotencyKeyReused, InvalidBatch
from application.new_tasks import NewTasks
from application.ports.task_repository import Change, IdempotencyRecord
from application.use_cases.maintenance.prune_idempotency_records import PruneIdempotencyRecords
from application.use_cases.tasks.submit_batch import SubmitBatch
from tests.building import a_spec
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.storing import total

REQUEST = IdempotencyRecord(key="mine", request_hash=b"1" * 32)


class TestSubmitBatch:
    @pytest.fixture
    def submit(self, admission: Admission, new_tasks: NewTasks) -> SubmitBatch:
        return SubmitBatch(admission, new_tasks)

    def test_a_repeated_request_returns_the_tasks_of_the_first(self, store, submit, clock) -> None:
        specs = [a_spec(), a_spec(task_name="second")]
        first = submit.execute(specs, REQUEST)
        clock.advance(timedelta(hours=1))
        store.remove(first.tasks[0])

        again = submit.execute(specs, REQUEST)

        assert (list(again.tasks), again.replayed, first.replayed) == (
            list(first.tasks),
            True,
            False,
        )
        assert total(store) == 1

    def test_a_key_cannot_be_reused_with_another_body(self, submit) -> None:
        submit.execute([a_spec()], REQUEST)

        with pytest.raises(IdempotencyKeyReused):
            submit.execute([a_spec()], IdempotencyRecord(key="mine", request_hash=b"2" * 32))

    def test_every_invalid_task_of_a_batch_is_named_by_its_place_and_none_is_stored(
        self, store, submit
    ) -> None:
        with pytest.raises(InvalidBatch) as refusal:
            submit.execute([a_spec(), a_spec(type="dance"), a_spec(), a_spec(type="sing")])

        wrong = {place: error.violations[0][0] for place, error in refusal.value.errors.items()}
        assert (wrong, total(store)) == ({1: "type", 3: "type"}, 0)

    def test_a_batch_that_names_too_many_queues_is_refused_with_each_place(
        self, store, submit
    ) -> None:
        store.max_queues = 1
        submit.execute([a_spec(queue="a")])

        with pytest.raises(InvalidBatch) as refusal:
            submit.execute([a_spec(queue=queue) for queue in ("a", "b", "a", "c")])

        assert (list(refusal.value.errors), total(store)) == ([1, 3], 1)

    def test_an_idempotency_record_is_pruned_after_a_day_but_not_before_its_tasks_are_final(
        self, store, submit, clock
    ) -> None:
        idempotency_records = FakeIdempotencyRecords(store, clock)
        forget = PruneIdempotencyRecords(idempotency_records, store, clock)
        [task] = submit.execute([a_spec()], REQUEST).tasks
        assert forget.execute().removed == 0
        clock.advance(timedelta(days=1))
        assert forget.execute().removed == 0
        assert submit.execute([a_spec()], REQUEST).replayed
        store.save(Change(before=task, after=task.cancel(clock.now())))
        assert forget.execute().removed == 0
        clock.advance(timedelta(days=1))

        assert forget.execute().removed == 1
        assert not submit.execute([a_spec()], REQUEST).replayed
