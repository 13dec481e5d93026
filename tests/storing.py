"""Store tasks, change them and claim them, through the ports: for the fakes and the adapters."""

from datetime import UTC, datetime

from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, PageRequest, TaskRepository
from application.task_filter import EVERY_TASK
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_task


def submit(repository: TaskRepository, **members: object) -> Task:
    return repository.save(Change(before=None, after=a_task(**members)))


def save(repository: TaskRepository, status: Status = Status.QUEUED, **members: object) -> Task:
    """Store a new task that already has the status."""
    return repository.save(Change(before=None, after=a_task(status, **members)))


def rename(task: Task, name: str) -> Change:
    return Change(before=task, after=task.patch(TaskPatch({"task_name": name})))


def claim(leases: TaskLeases, owner: str = "a:1", claim_id: str = "1"):
    return leases.claim("default", owner=owner, claim_id=claim_id)


def completed(run: Task) -> Change:
    return Change(before=run, after=run.complete("done", datetime.now(UTC)))


def stored(repository: TaskRepository, task: Task) -> Task:
    """Return the task as it is stored now."""
    now = repository.get(task.task_id)
    assert now is not None
    return now


def total(repository: TaskRepository) -> int | None:
    """Return the number of stored tasks."""
    return repository.find(EVERY_TASK, PageRequest()).total
