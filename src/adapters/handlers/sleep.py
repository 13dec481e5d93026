"""Simulated work: the task type of the original service."""

import time
from collections.abc import Mapping
from typing import Any

from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler, TaskType
from domain.task import Task
from domain.task_spec import SLEEP


class SleepHandler(TaskHandler):
    """Says once a second how far it is."""

    type = TaskType(
        name=SLEEP,
        description="Simulated work: it takes `duration` seconds, a member of the task itself. There is no payload.",
        payload_schema={"type": "object", "properties": {}, "additionalProperties": False},
    )

    def check(self, payload: Mapping[str, Any]) -> None:
        """TaskSpec itself holds the rules of the members that it has for this type."""

    def run(self, task: Task, context: RunContext) -> Any:
        duration = task.spec.duration or 0
        began = time.monotonic()
        for second in range(1, duration + 1):
            time.sleep(max(began + second - time.monotonic(), 0))
            if second < duration:
                context.progress(second / duration, f"{second} of {duration} seconds")
        return f"Task completed in {duration} seconds"
