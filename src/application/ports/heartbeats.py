"""Which processes of the service are alive."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ServiceProcess:
    """A worker or a maintenance process, as it describes itself."""

    role: str
    """`worker` or `maintenance`."""
    name: str
    """No other process has ever had it. The owners of a worker's runs have names that start with it and a colon."""
    host: str
    pid: int
    queues: tuple[str, ...] = ()
    """From which a worker takes tasks."""
    concurrency: int = 0
    """How many tasks a worker runs at once."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    process: ServiceProcess
    at: datetime
    """The last one, by the store's clock."""


class Heartbeats(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def beat(self, process: ServiceProcess) -> None:
        """The process is alive and reaches the store."""

    @abstractmethod
    def end(self, process: ServiceProcess) -> None:
        """The process ends on purpose: it is not alive any more."""

    @abstractmethod
    def alive(self, role: str) -> Sequence[Heartbeat]:
        """The processes of that role that have beaten within the last 15 seconds, by name."""

    @abstractmethod
    def lately(self, role: str) -> Sequence[Heartbeat]:
        """Return the processes of that role that are alive or were so within the last 30 seconds, by name."""
