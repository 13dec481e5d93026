"""The event of each change of a task."""

import pytest

from domain.events import event_of
from domain.status import Status
from domain.task import Task
from tests.building import a_task


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, a_task(), "task.submitted"),
        (None, a_task(Status.SCHEDULED), "task.scheduled"),
        (a_task(), a_task(Status.PROCESSING), "task.started"),
        (a_task(Status.PROCESSING), a_task(Status.COMPLETED), "task.completed"),
        (a_task(Status.PROCESSING), a_task(Status.FAILED), "task.failed"),
        (a_task(Status.PROCESSING), a_task(Status.SCHEDULED), "task.retrying"),
        (a_task(Status.PROCESSING), a_task(), "task.recovered"),
        (a_task(), a_task(Status.CANCELLED), "task.cancelled"),
        (a_task(), a_task(Status.EXPIRED), "task.expired"),
        (a_task(), a_task(), "task.updated"),
        (a_task(), a_task(Status.SCHEDULED), "task.scheduled"),
        (a_task(Status.SCHEDULED), a_task(), "task.updated"),
        (a_task(), None, "task.deleted"),
    ],
)
def test_each_change_has_its_event(before: Task | None, after: Task | None, event: str) -> None:
    assert event_of(before, after) == event
