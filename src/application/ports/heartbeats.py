"""Heartbeats, which show the processes of the service that are alive."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ServiceProcess:
    """A worker or a maintenance process, as it describes itself."""

    role: str
    """`worker`, `io_pool` or `maintenance`. The I/O pool of a worker has the worker's name."""
    name: str
    """Unique for all time. The owners of a worker's runs have names that start with it and a
    colon."""
    host: str
    pid: int
    queues: tuple[str, ...] = ()
    """The queues that a worker serves."""
    concurrency: int = 0
    """Number of tasks that a worker runs at a time in processes of their own, or an I/O pool."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    process: ServiceProcess
    at: datetime
    """The time of the latest heartbeat by the store's clock."""


class Heartbeats(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def beat(self, process: ServiceProcess) -> None:
        """Record that the process is alive and reaches the store."""

    @abstractmethod
    def end(self, process: ServiceProcess) -> None:
        """Record that the process ends on purpose and is no longer alive."""

    @abstractmethod
    def alive(self, role: str) -> Sequence[Heartbeat]:
        """Return the processes of the role with a heartbeat in the last 15 seconds, by name."""

    @abstractmethod
    def recently_alive(self, role: str) -> Sequence[Heartbeat]:
        """Return the processes of the role that were alive at some time in the last 30 seconds, by
        name.
        """
