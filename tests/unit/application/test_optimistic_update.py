"""An update that loses a race is repeated, but not for ever."""

import pytest

from application.admission import Admission
from application.errors import StaleTask
from application.optimistic_update import OptimisticUpdate
from application.ports.task_repository import Change
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.update_task import UpdateTask
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.unit.application.callers import UNKNOWN, submit


def test_an_update_is_retried_when_the_task_changed_meanwhile(
    store: FakeTaskStore, admission: Admission, clock: FakeClock
) -> None:
    task = submit(store, clock)

    class RacedStore(FakeTaskStore):
        def get(self, task_id: str) -> Task | None:
            seen = store.get(task_id)
            if seen and seen.version == 1:
                store.save(
                    Change(before=seen, after=seen.patch(TaskPatch({"labels": {"by": "another"}})))
                )
            return seen

        def save(self, change: Change) -> Task:
            return store.save(change)

    update = UpdateTask(OptimisticUpdate(RacedStore(clock)), admission)
    updated, _ = update.execute(task.task_id, TaskPatch({"task_name": "mine"}))

    assert (updated.spec.task_name, dict(updated.spec.labels)) == ("mine", {"by": "another"})


def test_a_race_that_is_lost_twenty_times_is_given_up(clock: FakeClock) -> None:
    lost: list[Change] = []

    class BusyStore(FakeTaskStore):
        def save(self, change: Change) -> Task:
            lost.append(change)
            raise StaleTask(change.after.task_id)

        def get(self, task_id: str) -> Task | None:
            return a_task()

    with pytest.raises(StaleTask):
        CancelTask(OptimisticUpdate(BusyStore(clock)), clock).execute(UNKNOWN)
    assert len(lost) == 20
