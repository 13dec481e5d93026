"""Which processes of the service are alive."""

from abc import ABC, abstractmethod


class Heartbeats(ABC):
    """A role is `worker` or `maintenance`. Every method raises StoreUnavailable."""

    @abstractmethod
    def beat(self, role: str) -> None:
        """This process is alive and reaches the store."""

    @abstractmethod
    def seen(self, role: str) -> bool:
        """True when a process of that role on this host has beaten within the last 15 seconds."""
