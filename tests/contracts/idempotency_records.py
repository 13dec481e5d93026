"""The contract of IdempotencyRecords, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable
from datetime import timedelta

from application.ports.idempotency_records import IdempotencyRecords
from application.ports.task_repository import IdempotencyRecord, TaskRepository
from tests.building import a_task

A_DAY = timedelta(days=1)


class IdempotencyRecordsContract:
    """`let_a_day_pass` returns when every idempotency record is a day older."""

    def test_an_idempotency_record_is_due_at_its_age_until_it_is_renewed_or_forgotten(
        self,
        repository: TaskRepository,
        idempotency_records: IdempotencyRecords,
        let_a_day_pass: Callable[[], None],
    ) -> None:
        request = IdempotencyRecord(key="mine", request_hash=b"1" * 32)
        tasks = repository.add([a_task(), a_task()], request)
        assert list(idempotency_records.due(A_DAY, limit=10)) == []
        let_a_day_pass()

        [due] = idempotency_records.due(A_DAY, limit=10)

        assert due.task_ids == [task.task_id for task in tasks]
        idempotency_records.renew(due)
        assert list(idempotency_records.due(A_DAY, limit=10)) == []
        let_a_day_pass()
        [renewed] = idempotency_records.due(A_DAY, limit=10)
        assert renewed == due
        idempotency_records.forget(due)  # another process renewed it meanwhile
        assert list(idempotency_records.due(A_DAY, limit=10)) == [due]
        idempotency_records.forget(renewed)
        idempotency_records.renew(renewed)
        let_a_day_pass()
        assert list(idempotency_records.due(A_DAY, limit=10)) == []
        repository.add([a_task()], request)
