"""Wake-ups: disposable messages that tell workers that a queue has tasks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class WakeUps(ABC):
    @abstractmethod
    def top_up_all(self) -> int:
        """Add the missing wake-ups of the queues with waiting tasks. Returns how many were added.

        Examines as many queues as its time allows; the next call continues with the others. A
        wake-up names a queue, never a task, so a lost or repeated one does no harm. Raises
        StoreUnavailable.
        """

    @abstractmethod
    def top_up(self, queue: str) -> int:
        """Add the missing wake-ups of one queue. Returns how many were added.

        Raises StoreUnavailable.
        """

    @abstractmethod
    def forget_unused(self) -> Sequence[str]:
        """Forget the names of unused queues: no task names them and they are not paused.

        Returns the forgotten names. Examines some hundred queues; the next call continues with the
        others. Raises StoreUnavailable.
        """
