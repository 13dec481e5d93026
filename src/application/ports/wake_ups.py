"""How workers learn that there is work."""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class WakeUps(ABC):
    @abstractmethod
    def top_up_all(self) -> int:
        """Put missing wake-ups: a wake-up says that a queue has work, never which. Answers how many were put.

        Looks at the queues in which tasks wait, and at no more of them than the time allows; the next call goes on with
        the others. Losing or doubling a wake-up does no harm. Raises StoreUnavailable.
        """

    @abstractmethod
    def top_up(self, queue: str) -> int:
        """Put the missing wake-ups of one queue. Returns how many were put. Raises StoreUnavailable."""

    @abstractmethod
    def forget_unused(self) -> Sequence[str]:
        """Forget names of queues that no task names and that are not paused, with what is kept for them.

        Looks at some hundred names; the next call goes on with the others. Returns the names that went. Raises
        StoreUnavailable.
        """
