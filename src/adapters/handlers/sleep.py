"""Simulated work: the task type of the original service."""

import time

from application.ports.task_handlers import TaskHandler
from domain.task import Task


class SleepHandler(TaskHandler):
    def run(self, task: Task) -> str:
        time.sleep(task.spec.duration)
        return f"Task completed in {task.spec.duration} seconds"
