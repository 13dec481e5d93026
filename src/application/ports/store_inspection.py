"""Facts about the store that an operator checks, and why it cannot be used."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ConnectionFault(StrEnum):
    """The reason why the store cannot be used at its address."""

    UNKNOWN_HOST = "unknown_host"
    NOTHING_LISTENS = "nothing_listens"
    NO_REPLY = "no_reply"
    LOGIN_REFUSED = "login_refused"
    LOGIN_MISSING = "login_missing"
    NO_TLS_THERE = "no_tls_there"
    """We speak TLS, and the server does not."""
    TLS_WANTED = "tls_wanted"
    """The server closed a connection without TLS, and speaks TLS at this address."""
    CERTIFICATE_REFUSED = "certificate_refused"
    LOADING = "loading"
    """The server reads its files, and replies to nothing else."""
    WRONG_DATABASE = "wrong_database"
    NO_MASTER = "no_master"
    """No sentinel names a server that takes writes."""
    OTHER = "other"


class StoreUnreachable(Exception):
    """The store cannot be used at its address."""

    def __init__(self, fault: ConnectionFault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class ScriptFault(StrEnum):
    """The reason why the store does not run our scripts."""

    FORBIDDEN = "forbidden"
    """The user of the URL may not run them, or not on our keys."""
    DISK = "disk"
    """The store cannot write to its disk, and refuses every write."""
    MEMORY = "memory"
    READ_ONLY = "read_only"
    OTHER = "other"


class ScriptsRefused(Exception):
    """The store does not run our scripts."""

    def __init__(self, fault: ScriptFault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """What the server tells of itself."""

    product: str
    """Such as "Redis" or "Valkey"."""
    version: tuple[int, ...]
    """The version of Redis that the server is compatible with."""
    is_replica: bool
    has_write_error: bool
    """True if the server's last write to its files failed."""


class StoreInspection(ABC):
    """No method changes what is stored. Every method but `connect` raises StoreUnavailable."""

    @abstractmethod
    def connect(self) -> None:
        """Return when the store replies. Raises StoreUnreachable."""

    @abstractmethod
    def server(self) -> ServerFacts: ...

    @abstractmethod
    def time(self) -> datetime:
        """Return the present time of the store."""

    @abstractmethod
    def try_scripts(self) -> None:
        """Run the scripts that read and write, without tasks. Raises ScriptsRefused."""
