"""Facts about the store, and what can be done when it runs full."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Settings of the server that decide whether it keeps what it accepts."""

    eviction_policy: str
    """Redis's maxmemory-policy."""
    is_persistent: bool
    """True if each write goes to a file (Redis's appendonly)."""


@dataclass(frozen=True, kw_only=True)
class StoreCapacity:
    """Sizes in bytes."""

    used_memory: int
    max_memory: int
    """0: without limit."""
    free_disk: int | None = None
    """None: the disk cannot be measured from here."""
    disk_size: int | None = None


class StoreProbe(ABC):
    """Every method raises StoreUnavailable when the store cannot be reached."""

    @abstractmethod
    def check(self) -> None:
        """Return when the store replies."""

    @abstractmethod
    def settings(self) -> StoreSettings: ...

    @abstractmethod
    def capacity(self) -> StoreCapacity: ...

    @abstractmethod
    def refuse_new_tasks(self, duration: timedelta) -> None:
        """Let TaskRepository.add raise StoreFull for that long, whoever calls it."""

    @abstractmethod
    def drop_old_events(self, keep: timedelta) -> None:
        """Drop up to 10,000 of the oldest events that are older than `keep`. The last one stays."""
