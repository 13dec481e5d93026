"""The context of a run whose payload has secret members."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from application.ports.run import RunContext
from application.secret_members import Redaction, unseal
from domain.task import Task


def open_run(run: Task, context: RunContext) -> tuple[Task, RunContext]:
    """Return the task with its secret values, and a context that masks them, for its handler."""
    if run.spec.secrets is None:
        return run, context
    opened = replace(run, spec=unseal(run.spec))
    return opened, RedactingContext(context, Redaction(run.spec.secrets))


class RedactingContext(RunContext):
    """Masks the secret values in what the run reports."""

    def __init__(self, context: RunContext, redaction: Redaction) -> None:
        self._context = context
        self._redaction = redaction

    @property
    def cancelled(self) -> bool:
        return self._context.cancelled

    def progress(self, fraction: float, message: str = "") -> None:
        self._context.progress(fraction, self._redaction.text(str(message)))

    def log(self, message: str) -> None:
        self._context.log(self._redaction.text(str(message)))

    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        return self._context.on_stop(stop)
