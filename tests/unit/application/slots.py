"""Schedules on the fake store, and what their slots have made."""

from collections.abc import Callable
from datetime import datetime, timedelta

from application.ports.task_repository import PageRequest
from application.task_filter import EVERY_TASK
from domain.schedule import Schedule
from domain.task import Task
from tests.fakes.task_store import FakeTaskStore

HOUR = timedelta(hours=1)
Add = Callable[..., Schedule]
"""Store a schedule of every hour, which begins now."""


def made(store: FakeTaskStore) -> list[Task]:
    tasks = store.find(EVERY_TASK, PageRequest(limit=1_000)).tasks
    return sorted(tasks, key=lambda task: (task.schedule.name, task.schedule.slot))


def slots(store: FakeTaskStore) -> list[datetime | None]:
    return [task.schedule.slot for task in made(store) if task.schedule]
