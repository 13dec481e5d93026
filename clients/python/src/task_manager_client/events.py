"""The events of a stream."""

from dataclasses import dataclass

from task_manager_client.history_models import Actor
from task_manager_client.models import LogLine, Task
from task_manager_client.schedule_models import SkippedSlots


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of a stream, and the task as it was then.

    `task` is None in a `stream.gap`: events were lost between the previous event and the next. In
    a `task.log`, `line` is the line of the log in its place, and in a `schedule.skipped`, `skip`
    has the slots that made no task. `actor` made the change; it is None in a snapshot, and where it
    is not known.
    """

    name: str
    id: str
    task: Task | None = None
    line: LogLine | None = None
    actor: Actor | None = None
    skip: SkippedSlots | None = None

    @property
    def is_gap(self) -> bool:
        """Return whether events are missing here. The next events begin with snapshots."""
        return self.name == "stream.gap"

    @property
    def is_last(self) -> bool:
        """Return whether no event of this task can follow, unless somebody retries it."""
        return self.name == "task.deleted" or (self.task is not None and self.task.is_final)
