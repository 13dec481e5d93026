"""The log of a task among its events, for one follower."""

from collections.abc import Iterator

from application.ports.clock import Clock
from application.ports.run import LogLine, RunLog
from domain.status import Status
from domain.task import Task

LOOK_SECONDS = 0.5
"""Time between two looks at the log while the task runs. A run stores its lines five times a
second."""
BATCH = 20
"""Number of lines that a slow follower holds in memory. A line has up to 2,000 characters."""


class LogTail:
    """Knows which lines a follower has, and when to look for more."""

    def __init__(self, run_log: RunLog, clock: Clock, task_id: str, after: int) -> None:
        """`after` is the number of the last line that the follower has."""
        self._run_log = run_log
        self._clock = clock
        self._task_id = task_id
        self._after = after
        self._next_look = 0.0
        self._is_running = False

    def patience(self, seconds: float) -> float:
        """Return for how long an event may be waited for, at most `seconds`."""
        return min(seconds, LOOK_SECONDS) if self._is_running else seconds

    def before(self, task: Task | None) -> Iterator[LogLine]:
        """Yield the new lines before the follower gets an item about the task; None for others."""
        if task is not None:
            self._is_running = task.status is Status.PROCESSING
        is_last = task is not None and task.status.is_final
        if not is_last and self._clock.monotonic() < self._next_look:
            return
        while lines := self._run_log.lines(self._task_id, self._after, limit=BATCH):
            for line in lines:
                self._after = line.number
                yield line
        self._next_look = self._clock.monotonic() + LOOK_SECONDS
