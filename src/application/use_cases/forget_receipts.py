"""Forget the names of requests that nobody will repeat any more."""

from datetime import timedelta

from application.ports.receipts import Receipts, StoredReceipt
from application.ports.task_repository import TaskRepository

KEPT_FOR = timedelta(hours=24)
BATCH = 100


class ForgetReceipts:
    """A receipt is kept for 24 hours, and for another 24 for as long as one of its tasks is not final."""

    def __init__(self, receipts: Receipts, repository: TaskRepository) -> None:
        self._receipts = receipts
        self._repository = repository

    def execute(self) -> int:
        """Looks at one batch at most. Answers how many were forgotten."""
        due = self._receipts.due(KEPT_FOR, limit=BATCH)
        over = [receipt for receipt in due if self._is_over(receipt)]
        for receipt in due:
            (self._receipts.forget if receipt in over else self._receipts.keep)(receipt)
        return len(over)

    def _is_over(self, receipt: StoredReceipt) -> bool:
        tasks = map(self._repository.get, receipt.task_ids)
        return all(task is None or task.status.is_final for task in tasks)
