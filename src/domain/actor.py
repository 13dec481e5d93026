"""Actors: who changes tasks."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    KEY = "key"
    """A caller that showed a key."""
    SESSION = "session"
    """A browser that signed in with a key."""
    LINK = "link"
    """A caller that used a link for one task."""
    ANONYMOUS = "anonymous"
    """A caller of a service that asks nobody for a key."""
    WORKER = "worker"
    MAINTENANCE = "maintenance"
    """The service itself: maintenance, or the supervisor of `make run`."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who makes a change. Empty members are not known or do not apply."""

    kind: ActorKind
    key_id: str = ""
    name: str = ""
    """The name that the key had, or that of the worker."""
    address: str = ""
    """The network address of a caller."""


MAINTENANCE = Actor(kind=ActorKind.MAINTENANCE)


def worker_of(owner: str) -> Actor:
    """Return the worker of a process that runs tasks, by its owner name."""
    return Actor(kind=ActorKind.WORKER, name=owner.rpartition(":")[0] or owner)
