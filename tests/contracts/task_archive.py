"""The contract of TaskArchive, inherited by the tests of its fake and of its adapter.

The repository, the leases and the run log of the same store have the tasks. `empty_store` removes
everything, as if the archive were read into another store.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from application.errors import AlreadySubmitted
from application.ports.run import RunLog
from application.ports.task_archive import ArchivedTask, Restored, TaskArchive
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, IdempotencyRecord, TaskRepository
from application.store_layout import PRESENT_LAYOUT, UnknownLayout
from domain.status import Status
from domain.task import Task
from tests.building import a_task
from tests.storing import claim, completed, stored, submit

UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"
Empty = Callable[[], object]


def archived(archive: TaskArchive, *tasks: Task) -> list[ArchivedTask]:
    """Return the tasks as another process has them, which read the JSON."""
    found = []
    for each in archive.read([task.task_id for task in tasks]):
        assert isinstance(each, ArchivedTask)
        written: dict[str, Any] = json.loads(json.dumps(each.stored))
        found.append(archive.decode(each.task.task_id, written))
    return found


def restore(archive: TaskArchive, *found: ArchivedTask) -> list[Restored]:
    return list(archive.restore([(each, each.task) for each in found]))


class TaskArchiveContract:
    def test_tasks_are_read_in_the_order_of_the_ids_without_those_that_are_gone(
        self, archive: TaskArchive, repository: TaskRepository
    ) -> None:
        tasks = [submit(repository) for _ in range(3)]

        found = list(archive.read([tasks[2].task_id, UNKNOWN_ID, "no id", tasks[0].task_id]))

        assert [each.task for each in found if isinstance(each, ArchivedTask)] == [
            tasks[2],
            tasks[0],
        ]

    def test_a_task_is_restored_as_it_was(
        self,
        archive: TaskArchive,
        repository: TaskRepository,
        leases: TaskLeases,
        run_log: RunLog,
        empty_store: Empty,
    ) -> None:
        submit(repository, payload={"text": "ü" * 9_000}, type="report", labels={"a": "1"})
        run = claim(leases)
        run_log.append(run, lines=["one", "zwei ü"])
        task = repository.save(completed(run))
        lines = run_log.lines(task.task_id)
        [found] = archived(archive, task)
        empty_store()

        assert restore(archive, found) == [Restored.ADDED]

        assert stored(repository, task) == task
        assert run_log.lines(task.task_id) == lines

    def test_a_task_that_exists_stays_as_it_is(
        self, archive: TaskArchive, repository: TaskRepository
    ) -> None:
        task = submit(repository)
        found = archived(archive, task)
        cancelled = repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))

        assert restore(archive, *found) == [Restored.EXISTS]
        assert stored(repository, task) == cancelled

    def test_waiting_tasks_can_be_claimed_in_the_order_in_which_they_are_restored(
        self,
        archive: TaskArchive,
        repository: TaskRepository,
        leases: TaskLeases,
        empty_store: Empty,
    ) -> None:
        tasks = [submit(repository, priority=priority) for priority in (5, 9, 5)]
        found = archived(archive, *tasks)
        empty_store()

        restore(archive, *found)

        runs = [claim(leases, f"a:{number}", str(number)) for number in range(3)]
        assert [run.task_id for run in runs] == [tasks[at].task_id for at in (1, 0, 2)]

    def test_a_running_task_is_restored_only_as_what_followed_from_it(
        self,
        archive: TaskArchive,
        repository: TaskRepository,
        leases: TaskLeases,
        empty_store: Empty,
    ) -> None:
        submit(repository)
        run = claim(leases)
        [found] = archived(archive, run)
        after = run.stop(run.started_at or run.submitted_at)
        empty_store()

        assert restore(archive, found) == [Restored.DAMAGED]
        assert repository.get(run.task_id) is None
        assert list(archive.restore([(found, after)])) == [Restored.ADDED]
        assert stored(repository, run) == after
        again = claim(leases, "b:1", "b")
        assert again.fencing_token > run.fencing_token

    @pytest.mark.parametrize(
        ("name", "value"), [("s", "LOST"), ("d", "{"), ("u", "soon"), ("v", 5), ("h", "x")]
    )
    def test_a_damaged_task_is_refused(
        self, archive: TaskArchive, repository: TaskRepository, name: str, value: object
    ) -> None:
        task = submit(repository)
        [found] = archived(archive, task)
        damaged = {**found.stored, "record": {**found.stored["record"], name: value}}

        with pytest.raises(ValueError, match=r"."):
            archive.decode(task.task_id, damaged)

    def test_a_task_of_a_newer_layout_is_refused_with_its_number(
        self, archive: TaskArchive, repository: TaskRepository
    ) -> None:
        task = submit(repository)
        [found] = archived(archive, task)
        number = PRESENT_LAYOUT.number + 1
        newer = {**found.stored, "record": {**found.stored["record"], "h": str(number)}}

        with pytest.raises(UnknownLayout, match=str(number)):
            archive.decode(task.task_id, newer)

    def test_a_final_task_is_final(
        self, archive: TaskArchive, repository: TaskRepository, empty_store: Empty
    ) -> None:
        task = submit(repository)
        task = repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
        found = archived(archive, task)
        empty_store()

        restore(archive, *found)

        assert stored(repository, task).status is Status.CANCELLED

    def test_a_request_is_recognised_after_its_record_is_restored(
        self, archive: TaskArchive, repository: TaskRepository, empty_store: Empty
    ) -> None:
        record = IdempotencyRecord(key="once", request_hash=sha256(b"body").digest())
        [task] = repository.add([a_task()], record)
        [found] = archive.requests()
        written = json.loads(json.dumps(found))
        assert not archive.restore_request(written)
        empty_store()

        assert archive.restore_request(written)

        with pytest.raises(AlreadySubmitted) as refused:
            repository.add([a_task()], record)
        assert refused.value.task_ids == [task.task_id]
        assert refused.value.submitted_at == task.submitted_at

    @pytest.mark.parametrize("written", [{}, {"key": "00"}, {"key": 5, "hash": "", "task_ids": []}])
    def test_a_damaged_record_of_a_request_is_refused(
        self, archive: TaskArchive, written: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match=r"."):
            archive.restore_request(written)
