"""What every Receipts must do."""

from collections.abc import Callable
from datetime import timedelta

from application.ports.receipts import Receipts
from application.ports.task_repository import Receipt, TaskRepository
from tests.building import a_task

A_DAY = timedelta(days=1)


class ReceiptsContract:
    """`let_a_day_pass` returns when every receipt is a day older."""

    def test_a_receipt_is_due_at_its_age_until_it_is_kept_or_forgotten(
        self, repository: TaskRepository, receipts: Receipts, let_a_day_pass: Callable[[], None]
    ) -> None:
        request = Receipt(key="mine", fingerprint=b"1" * 32)
        tasks = repository.add([a_task(), a_task()], request)
        assert list(receipts.due(A_DAY, limit=10)) == []
        let_a_day_pass()

        [due] = receipts.due(A_DAY, limit=10)

        assert due.task_ids == [task.task_id for task in tasks]
        receipts.keep(due)
        assert list(receipts.due(A_DAY, limit=10)) == []
        let_a_day_pass()
        assert list(receipts.due(A_DAY, limit=10)) == [due]
        receipts.forget(due)
        assert list(receipts.due(A_DAY, limit=10)) == []
        repository.add([a_task()], request)
