"""Stored idempotency records, by which a repeated request is recognised instead of done again."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class StoredIdempotencyRecord:
    """An idempotency record and the tasks that its request submitted."""

    name: str
    """Identifies the record in the store."""
    task_ids: Sequence[str]
    moment: float = field(compare=False)
    """The time of its last store or renewal, in milliseconds since 1970."""


class IdempotencyRecords(ABC):
    """TaskRepository.add writes the records. Every method raises StoreUnavailable."""

    @abstractmethod
    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredIdempotencyRecord]:
        """Return records that were written, or last renewed, at least `age` ago, oldest first."""

    @abstractmethod
    def renew(self, record: StoredIdempotencyRecord) -> None:
        """Make the record due again only after its age has passed once more.

        A record that was forgotten meanwhile stays forgotten.
        """

    @abstractmethod
    def forget(self, record: StoredIdempotencyRecord) -> None:
        """Remove the record: its key may be used again.

        A record that was stored anew or renewed since it was read stays.
        """
