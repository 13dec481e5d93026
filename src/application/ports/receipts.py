"""Receipts of named requests, kept so that a repeated one is answered and not done again."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class StoredReceipt:
    """A receipt and the tasks that its request made."""

    name: str
    task_ids: Sequence[str]


class Receipts(ABC):
    """TaskRepository.add writes them. Every method raises StoreUnavailable."""

    @abstractmethod
    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredReceipt]:
        """Those that were written, or last kept, longer ago than this."""

    @abstractmethod
    def keep(self, receipt: StoredReceipt) -> None:
        """Let it be due again only after its age has passed once more."""

    @abstractmethod
    def forget(self, receipt: StoredReceipt) -> None:
        """Its name may be used again."""
