"""Builders for tests.

`a_task(status=Status.FAILED)` makes a valid task by the transitions to that state.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.system.task_ids import UuidTaskIds
from domain.status import Status
from domain.task import Task
from domain.task_error import TaskError
from domain.task_spec import TaskSpec

NOON = datetime(2026, 1, 13, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(seconds=3)
AN_ERROR = TaskError(code="handler_error", message="ValueError: no")


def a_spec(**members: Any) -> TaskSpec:
    work = {"duration": 3} if members.get("type", "sleep") == "sleep" else {}
    return TaskSpec(**{"task_name": "test", **work, **members})


def a_task(status: Status = Status.QUEUED, **members: Any) -> Task:
    if status is Status.SCHEDULED:
        members = {"run_at": NOON + timedelta(hours=1), **members}
    waiting = Task.submit(UuidTaskIds().next(), a_spec(**members), NOON)
    if status.is_waiting:
        return waiting
    if status is Status.EXPIRED:
        return waiting.expire(NOON)
    if status is Status.CANCELLED:
        return waiting.cancel(NOON)
    queued = waiting.promote() if waiting.due_at else waiting
    running = queued.start(owner="host:1", fencing_token=1, now=NOON)
    return {
        Status.PROCESSING: running,
        Status.COMPLETED: running.complete("done", NOON),
        Status.FAILED: running.fail(AN_ERROR, NOON),
    }[status]
