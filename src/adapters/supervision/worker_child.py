"""A child of the worker: turns each wake-up into up to a second of runs."""

import os
import time
from collections.abc import Callable

from adapters.supervision.linux import adopt_orphans
from adapters.supervision.retirement import Retirement
from adapters.supervision.stop_flag import StopFlag
from adapters.supervision.task_process import TaskProcess, open_files
from application.use_cases.worker.run_tasks import RunTasks

WAKE_UP_SECONDS = 1.0
"""Time for which a child works on one wake-up, so that the parent hears from it in between."""


class WorkerChild:
    """Created in the parent before it opens files of its own; each fork starts its copy."""

    def __init__(
        self,
        build_run_tasks: Callable[[str, TaskProcess], RunTasks],
        *,
        owner_of: Callable[[int], str],
        stop: StopFlag,
        retirement: Retirement,
    ) -> None:
        """`build_run_tasks` takes the owner name and the process. `owner_of` takes a process id."""
        self._build_run_tasks = build_run_tasks
        self._owner_of = owner_of
        self._stop = stop
        self._retirement = retirement
        self._files_of_handlers = open_files()  # modules may open files when they are imported
        self._run_tasks: RunTasks
        self._process: TaskProcess

    def start(self) -> None:
        """Set up this process. Call once after the fork.

        A session of its own lets the parent kill it together with what its runs started, and
        detaches it from the terminal.
        """
        os.setsid()
        adopt_orphans()
        self._process = TaskProcess(self._retirement)
        self._run_tasks = self._build_run_tasks(self._owner_of(os.getpid()), self._process)
        self._process.guard_forks(not_ours=self._files_of_handlers)

    def work(self, queue: str) -> None:
        """Run tasks of the queue until none waits, the second is over, or the worker shuts down."""
        if self._stop.is_set:
            return
        until = time.monotonic() + WAKE_UP_SECONDS
        self._process.outlive_sigterm()  # here, because billiard sets its own handler after `start`
        try:
            self._run_tasks.execute(queue, lambda: self._goes_on(until))
        except BaseException:
            self._retirement.schedule(
                "it cannot serve a wake-up"
            )  # and could not serve the next one
            raise
        if not self._process.has_files_of_worker:
            self._retirement.schedule("a run closed or replaced descriptors of the worker")

    def _goes_on(self, until: float) -> bool:
        """Return True to claim another task for this wake-up. Call after each run."""
        self._retirement.count_run()
        is_leaving = self._stop.is_set or self._retirement.is_due
        return not is_leaving and time.monotonic() < until
