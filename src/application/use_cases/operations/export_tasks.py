"""Write every task with all that is stored about it, and every schedule, beside live traffic."""

from collections.abc import Iterator

from application import archive_lines
from application.ports.clock import Clock
from application.ports.queues import Queues
from application.ports.schedules import Schedules
from application.ports.task_archive import TaskArchive, UnreadableTask
from application.ports.task_repository import Cursor, PageRequest, TaskRepository
from application.task_filter import TaskFilter

PAGE = 500


class ExportTasks:
    """Changes nothing."""

    def __init__(
        self,
        repository: TaskRepository,
        archive: TaskArchive,
        queues: Queues,
        schedules: Schedules,
        clock: Clock,
    ) -> None:
        """`clock` is that of the store."""
        self._repository = repository
        self._archive = archive
        self._queues = queues
        self._schedules = schedules
        self._clock = clock

    def total(self) -> int | None:
        """Return the number of stored tasks. Raises StoreUnavailable."""
        return self._repository.find_ids(TaskFilter(), PageRequest(limit=1)).total

    def execute(self) -> Iterator[str | UnreadableTask]:
        """Yield the lines of the archive, and the tasks that cannot be read.

        The tasks are those that were submitted before the first line was asked for, in the order
        of submission, without those that are deleted meanwhile. Each is of one moment; different
        tasks are of different ones. Raises StoreUnavailable.
        """
        began = self._clock.now()
        names = self._queues.names()
        for state in self._queues.states(names):
            if state.paused:
                yield archive_lines.queue_line(state.name)
        tasks = 0
        for found in self._tasks(TaskFilter(submitted_before=began)):
            tasks += isinstance(found, str)
            yield found
        for stored in self._archive.requests():
            yield archive_lines.request_line(stored)
        for schedule in self._schedules.each():  # behind the tasks, so that no slot makes one anew
            yield archive_lines.schedule_line(schedule.name, self._schedules.archived(schedule))
        yield archive_lines.end_line(tasks)

    def _tasks(self, wanted: TaskFilter) -> Iterator[str | UnreadableTask]:
        after: Cursor | None = None
        while True:
            page = self._repository.find_ids(wanted, PageRequest(limit=PAGE, after=after))
            for found in self._archive.read(page.ids):
                if isinstance(found, UnreadableTask):
                    yield found
                else:
                    yield archive_lines.task_line(found)
            if page.next is None:
                return
            after = page.next
