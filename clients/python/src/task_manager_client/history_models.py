"""The responses of the API about the history of a task."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from task_manager_client.models import Model


@dataclass(frozen=True, kw_only=True)
class Actor(Model):
    """Who made a change. `kind` is key, session, link, anonymous, worker or maintenance.

    `name` is the name that the key had, or that of the worker.
    """

    kind: str
    key_id: str | None = None
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class MemberChange(Model):
    """A member of a task before and after a change; None where it had no value.

    The values of payloads and results, and long ones, are `hidden`.
    """

    member: str
    before: Any = None
    after: Any = None
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class HistoryEntry(Model):
    """A change of a task. `actor` is None where it is not known who made it."""

    version: int
    event: str
    time: datetime
    changes: tuple[MemberChange, ...]
    actor: Actor | None = None
    attempt: int | None = None


@dataclass(frozen=True, kw_only=True)
class History(Model):
    """A part of the history of a task, oldest first. `unrecorded` changes are not known."""

    entries: tuple[HistoryEntry, ...]
    unrecorded: int
    next_cursor: str | None = None
