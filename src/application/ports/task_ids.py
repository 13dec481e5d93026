"""The ids of new tasks."""

from abc import ABC, abstractmethod


class TaskIds(ABC):
    @abstractmethod
    def next(self) -> str:
        """Return a new UUID of version 7 in lower case (RFC 9562)."""
