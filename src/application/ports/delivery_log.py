"""The latest delivery attempts of the webhooks of all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from domain.webhook import Delivery, DeliveryOutcome

MAX_LOGGED = 10_000
"""Delivery attempts that are stored, and perhaps some more. Older ones are dropped."""


@dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """A delivery attempt matches when it meets every condition that is set."""

    outcomes: frozenset[DeliveryOutcome] = frozenset()
    """It has any of these outcomes; empty for all."""
    task_id: str | None = None

    def matches(self, logged: "LoggedDelivery") -> bool:
        return self.task_id in (None, logged.task_id) and (
            not self.outcomes or logged.delivery.attempt.outcome in self.outcomes
        )


@dataclass(frozen=True, kw_only=True)
class LoggedDelivery:
    """A delivery attempt among those of all tasks. It stays when its task is removed."""

    task_id: str
    host: str
    """The host of the callback URL."""
    delivery: Delivery


@dataclass(frozen=True, kw_only=True)
class DeliveryPage:
    deliveries: Sequence[LoggedDelivery]
    """Newest first."""
    next: str | None
    """The position after which the next page begins; None at the end."""


class DeliveryLog(ABC):
    """The outbox adds each attempt in the same step that records it.

    Every method raises StoreUnavailable.
    """

    @abstractmethod
    def latest(
        self, wanted: DeliveryFilter, *, limit: int, after: str | None = None
    ) -> DeliveryPage:
        """Return matching attempts, newest first, without damaged ones. `after` is a position.

        Raises ValueError when `after` is no position.
        """

    @abstractmethod
    def pending(self) -> int:
        """Return the number of webhooks that are neither delivered nor given up."""

    @abstractmethod
    def due(self) -> int:
        """Return the number of pending webhooks whose next attempt may begin.

        Those that a process delivers at this moment are not among them.
        """
