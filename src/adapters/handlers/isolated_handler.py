"""Keep what one run changes in its process from reaching the next run."""

import contextvars
import warnings
from collections.abc import Callable
from typing import Any

from adapters.handlers.process_state import ProcessState, run_step
from adapters.supervision.descendants import Descendants
from adapters.supervision.task_process import TaskProcess
from application.errors import RunStopped
from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler
from domain.task import Task
from domain.task_spec import TaskSpec


class IsolatedHandler(TaskHandler):
    """Runs another handler, then restores the process and ends the processes that it started."""

    def __init__(
        self,
        handler: TaskHandler,
        process: TaskProcess,
        descendants: Descendants,
        restore_environment: Callable[[], None],
        *,
        keeps_processes: bool = False,
    ) -> None:
        """`keeps_processes` spares started processes, unless the run was stopped from outside."""
        self.type = handler.type
        self._handler = handler
        self._process = process
        self._descendants = descendants
        self._restore_environment = restore_environment
        self._keeps_processes = keeps_processes
        self._state: ProcessState | None = None

    def default_timeout(self, spec: TaskSpec) -> int:
        return self._handler.default_timeout(spec)

    def validate(self, spec: TaskSpec) -> None:
        self._handler.validate(spec)

    def run(self, task: Task, context: RunContext) -> Any:
        """Do the work. A copy of this process that the work made by os.fork() ends here."""
        self._state = self._state or ProcessState()
        try:
            result = self._in_own_context(task, context)
        except BaseException as error:
            self._process.end_copy(_status(error))
            self._clean_up(
                self._state, keep=self._keeps_processes and not isinstance(error, RunStopped)
            )
            raise
        self._process.end_copy()
        self._clean_up(self._state, keep=self._keeps_processes)
        return result

    async def run_async(self, task: Task, context: RunContext) -> Any:
        """Do the work beside that of others, whose process cannot be restored after each run."""
        return await self._handler.run_async(task, context)

    def host_of(self, task: Task) -> str | None:
        return self._handler.host_of(task)

    def _in_own_context(self, task: Task, context: RunContext) -> Any:
        """Run with copies of the context variables, the decimal context and the warning filters."""
        with warnings.catch_warnings():
            return contextvars.copy_context().run(self._handler.run, task, context)

    def _clean_up(self, state: ProcessState, *, keep: bool) -> None:
        """Restore the process; start over after an interrupt, of which a run has at most one."""
        try:
            self._clean_up_once(state, keep=keep)
        except RunStopped:
            self._clean_up_once(state, keep=False)
            raise

    def _clean_up_once(self, state: ProcessState, *, keep: bool) -> None:
        """Take every step, even after a failed one. After a failure, the process is replaced."""
        steps = [self._restore_environment, state.restore, self._descendants.end]
        if keep:
            steps.insert(2, self._descendants.spare)
        outcomes = [run_step(step) for step in steps]
        if not all(outcomes):
            self._process.retirement.schedule("a run left it unusable")


def _status(error: BaseException) -> int:
    """Return the exit status of a copy that raised: that given to sys.exit(), else 1."""
    reason = error.__cause__ or error
    if not isinstance(reason, SystemExit):
        return 1
    return reason.code if isinstance(reason.code, int) else int(reason.code is not None)
