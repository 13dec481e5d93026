"""Add the tasks and schedules of an archive that the store does not have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from application.archive_lines import (
    DamagedLine,
    EndLine,
    Line,
    PausedQueue,
    RequestLine,
    ScheduleLine,
    TaskLine,
    parse,
)
from application.errors import StoreFull
from application.ports.clock import Clock
from application.ports.queues import Queues
from application.ports.schedules import Schedules, StaleSchedule, TooManySchedules
from application.ports.task_archive import ArchivedTask, Restored, TaskArchive
from application.store_layout import UnknownLayout
from domain.status import Status
from domain.task import Task

MAX_TASKS = 100
MAX_BYTES = 4 * 2**20
"""Limits of one round trip, and of the lines in memory."""

NumberedLine = tuple[int, bytes]
"""The number of a line, from 1, and its text."""


class Result(StrEnum):
    """What became of a line."""

    ADDED = "added"
    EXISTS = "exists already"
    RUNNING = "running"
    DELETED = "deleted"
    FULL = "store full"
    TOO_MANY_QUEUES = "too many queues"
    DAMAGED = "damaged"
    UNKNOWN_VERSION = "unknown version"
    QUEUE = "queue paused"
    REQUEST = "request key added"
    REQUEST_EXISTS = "request key exists"
    SCHEDULE = "schedule added"
    SCHEDULE_EXISTS = "schedule exists"
    TOO_MANY_SCHEDULES = "too many schedules"
    END = "end"


REASONS = {
    Result.RUNNING: (
        "it ran when it was exported. Stop the workers of the source and export again, or, once "
        "they are stopped for good, import with --requeue-running"
    ),
    Result.DELETED: "a caller deleted it while it ran",
    Result.FULL: "the store accepts no new tasks at the moment. Make room, then import again",
    Result.TOO_MANY_SCHEDULES: "delete schedules that are not needed, then import again",
    Result.TOO_MANY_QUEUES: "TASKS_MAX_QUEUES is reached. Raise it, then import again",
}
OF_RESTORED = {
    Restored.ADDED: Result.ADDED,
    Restored.EXISTS: Result.EXISTS,
    Restored.FULL: Result.FULL,
    Restored.TOO_MANY_QUEUES: Result.TOO_MANY_QUEUES,
    Restored.DAMAGED: Result.DAMAGED,
}


@dataclass(frozen=True, kw_only=True)
class ImportedLine:
    number: int
    result: Result
    task_id: str = ""
    reason: str = ""
    tasks: int = 0
    """The number of tasks that an END line names."""


class ImportTasks:
    """Idempotent: a task that exists stays as it is. It may be broken off and repeated."""

    def __init__(
        self, archive: TaskArchive, queues: Queues, schedules: Schedules, clock: Clock
    ) -> None:
        """`clock` is that of the store."""
        self._archive = archive
        self._queues = queues
        self._schedules = schedules
        self._clock = clock

    def execute(
        self, lines: Iterable[NumberedLine], *, requeue_running: bool = False
    ) -> Iterator[ImportedLine]:
        """Yield what became of each line, in their order but for groups of some tasks.

        Tasks keep their ids, times, versions and states. Waiting tasks wait here as well. Running
        ones are left out, as their workers may still be alive; with `requeue_running` they are
        handed back: queued again, or cancelled if that was requested. Raises StoreUnavailable;
        the lines so far are imported then, and some more perhaps.
        """
        for group in _groups(lines):
            yield from self._import(group, requeue_running=requeue_running)

    def _import(
        self, group: list[NumberedLine], *, requeue_running: bool
    ) -> Iterator[ImportedLine]:
        chosen: list[tuple[int, ArchivedTask, Task]] = []
        for number, text in group:
            try:
                line = parse(text)
                if isinstance(line, TaskLine):
                    archived = self._archive.decode(line.task_id, line.stored)
                    found = self._chosen(archived.task, requeue_running=requeue_running)
                    if isinstance(found, Task):
                        chosen.append((number, archived, found))
                    else:
                        yield _left_out(number, line.task_id, found)
                else:
                    yield self._of_other(number, line)
            except UnknownLayout as error:
                yield ImportedLine(
                    number=number, result=Result.UNKNOWN_VERSION, reason=_unknown(error)
                )
            except (DamagedLine, ValueError) as error:
                yield ImportedLine(number=number, result=Result.DAMAGED, reason=str(error))
        yield from self._restore(chosen)

    def _chosen(self, task: Task, *, requeue_running: bool) -> Task | Result:
        """Return the task as which it is stored, or why it is left out."""
        if task.discarded:
            return Result.DELETED
        if task.status is not Status.PROCESSING:
            return task
        return self._handed_back(task) if requeue_running else Result.RUNNING

    def _handed_back(self, task: Task) -> Task:
        """Return the task after its run was stopped, before its timeout: a move may take longer."""
        if task.cancel_requested or task.started_at is None:
            return task.stop(self._clock.now())
        return task.stop(task.started_at)

    def _restore(self, chosen: list[tuple[int, ArchivedTask, Task]]) -> Iterator[ImportedLine]:
        if not chosen:
            return
        outcomes = self._archive.restore([(archived, task) for _, archived, task in chosen])
        for (number, _, task), outcome in zip(chosen, outcomes, strict=True):
            yield _left_out(number, task.task_id, OF_RESTORED[outcome])

    def _of_other(self, number: int, line: Line) -> ImportedLine:
        if isinstance(line, PausedQueue):
            self._queues.pause(line.name)
            return ImportedLine(number=number, result=Result.QUEUE)
        if isinstance(line, RequestLine):
            added = self._archive.restore_request(line.stored)
            result = Result.REQUEST if added else Result.REQUEST_EXISTS
            return ImportedLine(number=number, result=result)
        if isinstance(line, ScheduleLine):
            return self._of_schedule(number, line)
        tasks = line.tasks if isinstance(line, EndLine) else 0
        return ImportedLine(number=number, result=Result.END, tasks=tasks)

    def _of_schedule(self, number: int, line: ScheduleLine) -> ImportedLine:
        result = Result.SCHEDULE
        try:
            self._schedules.add(self._schedules.of_archive(line.name, line.stored))
        except StaleSchedule:
            result = Result.SCHEDULE_EXISTS
        except TooManySchedules:
            result = Result.TOO_MANY_SCHEDULES
        except StoreFull:
            result = Result.FULL
        return ImportedLine(number=number, result=result, reason=REASONS.get(result, ""))


def _left_out(number: int, task_id: str, result: Result) -> ImportedLine:
    reason = REASONS.get(result, "it cannot be stored" if result is Result.DAMAGED else "")
    return ImportedLine(number=number, result=result, task_id=task_id, reason=reason)


def _unknown(error: UnknownLayout) -> str:
    return f"{error}. Import it with the release that exported it, or a newer one"


def _groups(lines: Iterable[NumberedLine]) -> Iterator[list[NumberedLine]]:
    """Yield lines in groups of bounded size."""
    group: list[NumberedLine] = []
    size = 0
    for number, text in lines:
        group.append((number, text))
        size += len(text)
        if len(group) == MAX_TASKS or size >= MAX_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
