"""The history of a task: one entry for each of its versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.actor import Actor
from domain.events import Event


@dataclass(frozen=True, kw_only=True)
class MemberChange:
    """One member of a task before and after a change."""

    member: str
    """The name that callers know; `labels/<key>` for a label."""
    before: Any = None
    """A JSON value; None where the member had none, and where values are not shown."""
    after: Any = None
    are_shown: bool = True
    """False for payloads, results and long values, of which only the change itself is told."""


@dataclass(frozen=True, kw_only=True)
class EndedRun:
    """The run that a change ended."""

    attempt: int
    started_at: datetime
    owner: str


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One change of a task."""

    version: int
    """The version that the task had after the change."""
    event: Event
    at: datetime
    actor: Actor | None
    """None where it is not known: an older version of the service made the change."""
    attempt: int | None = None
    """The number of the run that the change began or ended."""
    changes: tuple[MemberChange, ...] = ()
    run: EndedRun | None = None
