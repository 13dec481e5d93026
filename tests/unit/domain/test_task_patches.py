"""Changes of a task by its caller, and the states that allow them."""

import pytest

from domain.errors import TaskNotWaiting
from domain.status import Status
from domain.task_spec import TaskPatch
from tests.building import LATER, a_spec, a_task

REACHED = list(Status)


@pytest.mark.parametrize("status", REACHED)
def test_name_and_labels_can_be_changed_in_every_state(status: Status) -> None:
    changed = a_task(status).patch(TaskPatch({"task_name": "new", "labels": {"a": "b"}}))

    assert (changed.spec.task_name, dict(changed.spec.labels), changed.status) == (
        "new",
        {"a": "b"},
        status,
    )


@pytest.mark.parametrize("status", [status for status in REACHED if not status.is_waiting])
def test_the_work_of_a_task_that_no_longer_waits_cannot_be_changed(status: Status) -> None:
    with pytest.raises(TaskNotWaiting, match=f"The task is {status}"):
        a_task(status).patch(TaskPatch({"duration": 9}))
    with pytest.raises(TaskNotWaiting):
        a_task(status).replace(a_spec(duration=9))


def test_a_patch_without_an_effect_returns_the_same_task() -> None:
    task = a_task(duration=3)

    assert task.patch(TaskPatch({"duration": 3})) is task
    assert task.replace(a_spec(duration=3)) is task


def test_setting_run_at_schedules_a_waiting_task_and_removing_it_queues_the_task() -> None:
    put_off = a_task().patch(TaskPatch({"run_at": LATER}))
    assert (put_off.status, put_off.due_at) == (Status.SCHEDULED, LATER)

    brought_back = put_off.patch(TaskPatch({"run_at": None}))

    assert (brought_back.status, brought_back.due_at) == (Status.QUEUED, None)
    assert put_off.promote().patch(TaskPatch({"priority": 9})).status is Status.QUEUED
