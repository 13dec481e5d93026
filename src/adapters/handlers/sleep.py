"""Simulated work: the task type of the original service."""

import time

from application.ports.run_context import RunContext
from application.ports.task_handlers import TaskHandler
from domain.task import Task


class SleepHandler(TaskHandler):
    """Says once a second how far it is."""

    def run(self, task: Task, context: RunContext) -> str:
        duration = task.spec.duration
        began = time.monotonic()
        for second in range(1, duration + 1):
            time.sleep(max(began + second - time.monotonic(), 0))
            if second < duration:
                context.progress(second / duration, f"{second} of {duration} seconds")
        return f"Task completed in {duration} seconds"
