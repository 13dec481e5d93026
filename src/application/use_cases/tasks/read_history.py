"""Read the history of a task."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from application.ports.task_history import StoredHistory, TaskHistory
from application.ports.task_repository import TaskRepository
from domain.actor import Actor, ActorKind, worker_of
from domain.events import FINAL_EVENTS, Event
from domain.history import HistoryEntry, MemberChange
from domain.status import Status
from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """A part of the history of a task, oldest first."""

    entries: tuple[HistoryEntry, ...]
    next: int | None
    """The version after which the next page begins; None at the end."""
    unrecorded: int
    """Number of changes, in the whole history, that are not known any more: they were dropped, or
    an older version of the service made them."""


class ReadHistory:
    def __init__(self, repository: TaskRepository, history: TaskHistory) -> None:
        self._repository = repository
        self._history = history

    def execute(self, task_id: str, *, limit: int, after: int = 0) -> HistoryPage:
        """Return the entries with a version greater than `after`, at most `limit`.

        Raises TaskNotFound and StoreUnavailable.
        """
        task = self._repository.get_or_raise(task_id)
        timeline = _Timeline(task, self._history.stored(task_id)).entries()
        following = [entry for entry in timeline if entry.version > after]
        page = tuple(following[:limit])
        return HistoryPage(
            entries=page,
            next=page[-1].version if len(following) > limit else None,
            unrecorded=max(task.version - len(timeline), 0),
        )


class _Timeline:
    """The stored changes, and those of which the task and the ends of its runs tell.

    Each version of a task has one change. So what is not stored has the versions that are missing.
    """

    def __init__(self, task: Task, stored: StoredHistory) -> None:
        self._task = task
        self._stored = stored
        self._changes = [entry for entry in stored.changes if 1 < entry.version <= task.version]
        self._entries = {entry.version: entry for entry in self._changes}

    def entries(self) -> list[HistoryEntry]:
        """Return all entries, oldest first."""
        self._entries[1] = self._submission()
        self._add_latest_run()
        for entry in reversed(self._changes):
            if entry.run:
                actor = worker_of(entry.run.owner)
                self._add_start(entry.run.started_at, actor, entry.run.attempt, entry.version)
        return [self._entries[version] for version in sorted(self._entries)]

    def _submission(self) -> HistoryEntry:
        task, actor = self._task, self._stored.submitted_by
        if actor is None and task.submitted_by:
            actor = Actor(kind=ActorKind.KEY, key_id=task.submitted_by)
        return HistoryEntry(version=1, event=Event.SUBMITTED, at=task.submitted_at, actor=actor)

    def _add_latest_run(self) -> None:
        """Add what only the task tells: a run that goes on, or the end of a final task."""
        task, below = self._task, self._task.version + 1
        if task.finished_at and not self._has_end(task.finished_at):
            actor = self._stored.completed_by
            changes = (_status(Status.PROCESSING, task.status),) if task.started_at else ()
            event = FINAL_EVENTS[task.status]
            ended = self._add(
                task.finished_at, below, event, actor, attempt=task.attempt or None, changes=changes
            )
            below = ended or below
        if task.started_at and not self._has_start(task.started_at):
            worker = worker_of(task.owner) if task.owner else self._stored.completed_by
            self._add_start(task.started_at, worker, task.attempt, below)

    def _add_start(self, at: datetime, worker: Actor | None, attempt: int, below: int) -> None:
        changes = (_status(Status.QUEUED, Status.PROCESSING),)
        self._add(at, below, Event.STARTED, worker, attempt=attempt, changes=changes)

    def _add(
        self, at: datetime, below: int, event: Event, actor: Actor | None, **members: Any
    ) -> int | None:
        """Add an entry under the missing version that its time gives it, and return that version.

        It is below `below`, and below the versions of all entries that are later.
        """
        below = min([below, *(entry.version for entry in self._after(at))])
        version = next(
            (each for each in range(below - 1, 1, -1) if each not in self._entries), None
        )
        if version is not None:
            self._entries[version] = HistoryEntry(
                version=version, event=event, at=at, actor=actor, **members
            )
        return version

    def _after(self, at: datetime) -> Iterator[HistoryEntry]:
        return (entry for entry in self._entries.values() if entry.at > at)

    def _has_end(self, at: datetime) -> bool:
        ends = FINAL_EVENTS.values()
        return any(entry.at == at and entry.event in ends for entry in self._changes)

    def _has_start(self, at: datetime) -> bool:
        return any(entry.run and entry.run.started_at == at for entry in self._changes)


def _status(before: Status, after: Status) -> MemberChange:
    return MemberChange(member="status", before=before.value, after=after.value)
