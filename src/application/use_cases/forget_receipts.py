"""Forget the names of requests that nobody will repeat any more."""

from datetime import timedelta

from application.errors import StoreUnavailable
from application.passed_over import PassedOver
from application.ports.clock import Clock
from application.ports.receipts import Receipts, StoredReceipt
from application.ports.task_repository import TaskRepository
from application.sweep import BUDGET_SECONDS

KEPT_FOR = timedelta(hours=24)
BATCH = 100
PAGE = 50
"""How many tasks are read at once: a request may have made 1,000, with long results."""


class ForgetReceipts:
    """A receipt is kept for 24 hours, and for another 24 for as long as one of its tasks is not final."""

    def __init__(self, receipts: Receipts, repository: TaskRepository, clock: Clock) -> None:
        self._receipts = receipts
        self._clock = clock
        self._passed_over = PassedOver()
        self._repository = repository

    def execute(self) -> int:
        """Look at one batch at most, and begin no further receipt once the time is up. Returns how many it forgot."""
        began, forgotten = self._clock.monotonic(), 0
        for receipt in self._receipts.due(KEPT_FOR, limit=BATCH):
            if self._is_over(receipt):
                self._receipts.forget(receipt)
                forgotten += 1
            else:
                self._receipts.keep(receipt)
            if self._clock.monotonic() - began >= BUDGET_SECONDS:
                break
        return forgotten

    def _is_over(self, receipt: StoredReceipt) -> bool:
        """A task that cannot be read counts as not final, so that it does not hold up the other receipts."""
        ids = receipt.task_ids
        try:
            pages = (self._repository.get_each(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE))
            return all(task.status.is_final for page in pages for task in page)
        except StoreUnavailable:
            raise
        except Exception as error:
            self._passed_over.tell("forget_receipts", receipt.name, error)
            return False
