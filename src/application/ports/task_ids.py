"""Where the ids of new tasks come from."""

from abc import ABC, abstractmethod


class TaskIds(ABC):
    @abstractmethod
    def next(self) -> str:
        """A UUID of version 7 in lower case, never given out before (RFC 9562)."""
