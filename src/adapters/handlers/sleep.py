"""Simulate work: the default task type, that of the original service."""

import time
from collections.abc import Iterator
from typing import Any

from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler, TaskType
from domain.errors import InvalidTaskSpec, Violation
from domain.task import Task
from domain.task_spec import DEFAULT_TYPE, DURATION_SECONDS, TaskSpec

MARGIN_SECONDS = 60
"""A run may take this much longer than its duration before it times out."""

DESCRIPTION = """\
Simulated work: it takes `duration` seconds, a member of the task itself. There is no payload."""


class SleepHandler(TaskHandler):
    """Sleeps for the task's duration and reports its progress once a second."""

    type = TaskType(
        name=DEFAULT_TYPE,
        description=DESCRIPTION,
        payload_schema={"type": "object", "properties": {}, "additionalProperties": False},
    )

    def default_timeout(self, spec: TaskSpec) -> int:
        return (spec.duration or 0) + MARGIN_SECONDS

    def validate(self, spec: TaskSpec) -> None:
        if violations := list(_violations(spec)):
            raise InvalidTaskSpec(violations)

    def run(self, task: Task, context: RunContext) -> Any:
        duration = task.spec.duration or 0
        began = time.monotonic()
        for second in range(1, duration + 1):
            time.sleep(max(began + second - time.monotonic(), 0))
            if second < duration:
                context.progress(second / duration, f"{second} of {duration} seconds")
        return f"Task completed in {duration} seconds"


def _violations(spec: TaskSpec) -> Iterator[Violation]:
    if spec.duration is None:
        yield "duration", "Is required for the type sleep."
    elif spec.duration not in DURATION_SECONDS:
        yield "duration", f"Must be 1 to 86400 seconds, not {spec.duration}."
    if spec.payload:
        yield "payload", "The type sleep takes none."
