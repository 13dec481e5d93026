"""IdempotencyRecords of named requests, kept so that a repeated one is answered and not done again."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class StoredIdempotencyRecord:
    """An idempotency record and the tasks that its request made."""

    name: str
    task_ids: Sequence[str]


class IdempotencyRecords(ABC):
    """TaskRepository.add writes them. Every method raises StoreUnavailable."""

    @abstractmethod
    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredIdempotencyRecord]:
        """Those that were written, or last kept, longer ago than this."""

    @abstractmethod
    def keep(self, idempotency_record: StoredIdempotencyRecord) -> None:
        """Let it be due again only after its age has passed once more."""

    @abstractmethod
    def forget(self, idempotency_record: StoredIdempotencyRecord) -> None:
        """Its name may be used again."""
