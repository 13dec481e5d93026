"""One action on many tasks."""

from collections.abc import Sequence

import pytest

from application.ports.task_repository import Change
from application.task_filter import EVERY_TASK, TaskFilter
from application.use_cases.tasks import bulk_action
from application.use_cases.tasks.bulk_action import Action, ActionReport, BulkAction
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.storing import save


class TestBulkAction:
    @pytest.fixture
    def act(self, store: FakeTaskStore, clock: FakeClock) -> BulkAction:
        return BulkAction(store, clock)

    @pytest.mark.parametrize(
        ("action", "able"),
        [
            (Action.CANCEL, {Status.SCHEDULED, Status.QUEUED, Status.PROCESSING}),
            (Action.RETRY, {Status.FAILED, Status.CANCELLED, Status.EXPIRED}),
            (Action.DELETE, set(Status) - {Status.PROCESSING}),
        ],
    )
    def test_an_action_changes_the_tasks_whose_state_allows_it(
        self, store, act, action: Action, able: set[Status]
    ) -> None:
        tasks = [save(store, status) for status in Status]

        rehearsed = act.execute(action, EVERY_TASK, dry_run=True)
        assert store.get_many([task.task_id for task in tasks]) == tasks
        done = act.execute(action, [task.task_id for task in tasks])

        assert rehearsed == ActionReport(matched=7, done=0, would_be_done=len(able), remaining=0)
        assert done == ActionReport(matched=7, done=len(able), remaining=0)
        changed = {task.status for task in tasks if store.get(task.task_id) != task}
        assert changed == able

    def test_an_action_processes_every_page(self, store, act, monkeypatch) -> None:
        monkeypatch.setattr(bulk_action, "PAGE", 3)
        for number in range(8):
            save(store, queue="mine" if number % 2 else "other")

        report = act.execute(
            Action.CANCEL, TaskFilter(statuses=frozenset({Status.QUEUED}), queue="mine")
        )

        assert report == ActionReport(matched=4, done=4, remaining=0)

    def test_tasks_beyond_the_limit_are_reported_as_remaining(
        self, store, act, monkeypatch
    ) -> None:
        monkeypatch.setattr(bulk_action, "PAGE", 2)
        monkeypatch.setattr(bulk_action, "MAX_TASKS", 4)
        tasks = [save(store) for _ in range(5)]

        by_filter = act.execute(Action.DELETE, EVERY_TASK)
        by_ids = act.execute(Action.DELETE, [task.task_id for task in tasks])

        assert (by_filter.matched, by_filter.done, by_filter.remaining) == (4, 4, 1)
        assert (by_ids.matched, by_ids.done, by_ids.remaining) == (1, 1, 0)

    def test_a_task_that_another_request_changed_meanwhile_is_read_again(
        self, store, act, monkeypatch
    ) -> None:
        task = save(store)
        save_many = store.save_many

        def raced(changes: Sequence[Change]) -> Sequence[Task | None]:
            monkeypatch.undo()
            store.save(Change(before=task, after=task.patch(TaskPatch({"task_name": "theirs"}))))
            return save_many(changes)

        monkeypatch.setattr(store, "save_many", raced)

        assert act.execute(Action.CANCEL, EVERY_TASK).done == 1
        now = store.get(task.task_id)
        assert (now.status, now.spec.task_name) == (Status.CANCELLED, "theirs")
