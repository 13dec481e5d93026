"""The contract of TaskPages, inherited by the tests of its fake and of its adapter."""

import json
from datetime import UTC, datetime
from typing import Any

from application.ports.task_leases import TaskLeases
from application.ports.task_pages import TaskPages
from application.ports.task_repository import Change, PageRequest, TaskRepository
from application.task_filter import EVERY_TASK, TaskFilter
from application.task_serializer import serialize_task
from domain.task_error import TaskError
from domain.task_spec import TaskPatch
from tests.storing import claim, rename, submit

LONG = "x" * 5_000


class TaskPagesContract:
    def test_it_has_the_pages_of_the_repository(
        self, task_pages: TaskPages, repository: TaskRepository
    ) -> None:
        for number in range(7):
            submit(repository, queue="even" if number % 2 else "odd")
        second = repository.find(EVERY_TASK, PageRequest(limit=2)).next
        for wanted in (EVERY_TASK, TaskFilter(queue="odd"), TaskFilter(queue="none")):
            for asked in (
                PageRequest(limit=3),
                PageRequest(limit=3, offset=3, newest_first=True),
                PageRequest(limit=3, after=second),
                PageRequest(limit=3, offset=99),
            ):
                page, texts = repository.find(wanted, asked), task_pages.texts(wanted, asked)

                assert [each["task_id"] for each in read(texts.texts)] == [
                    task.task_id for task in page.tasks
                ]
                assert (texts.total, texts.next) == (page.total, page.next)

    def test_each_text_is_that_of_the_task_as_it_is_now(
        self, task_pages: TaskPages, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository, labels={"team": "é"}, callback_url="http://127.0.0.1/")
        moved = submit(repository, queue="other")
        submit(repository, type="dance", payload={"a": [1, None]}, queue="other", priority=9)
        submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))
        run = claim(leases)
        same(task_pages, repository)

        repository.save(
            Change(before=run, after=run.fail(TaskError(code="no", message="é"), run.started_at))
        )
        repository.save(rename(moved, "renamed"))
        submit(repository, queue="other", priority=8)
        same(task_pages, repository)

        moved = repository.get_or_raise(moved.task_id)
        repository.save(Change(before=moved, after=moved.patch(TaskPatch({"queue": "third"}))))
        same(task_pages, repository)

        third = repository.get_or_raise(moved.task_id)
        repository.save(Change(before=third, after=third.cancel(datetime.now(UTC))))
        repository.remove(repository.get_or_raise(moved.task_id))
        same(task_pages, repository)

    def test_long_members_are_left_out_and_named(
        self, task_pages: TaskPages, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository, type="dance", payload={"a": LONG})
        run = claim(leases)
        repository.save(Change(before=run, after=run.complete([LONG], datetime.now(UTC))))

        [text] = read(task_pages.texts(EVERY_TASK, PageRequest()).texts)

        assert text["omitted"] == ["payload", "result"]
        assert not {"payload", "result"} & text.keys()
        same(task_pages, repository)


def read(texts: Any) -> list[dict[str, Any]]:
    return list(map(json.loads, texts))


def same(task_pages: TaskPages, repository: TaskRepository) -> None:
    """Compare all texts with the tasks and their positions."""
    tasks = repository.find(EVERY_TASK, PageRequest()).tasks
    positions = repository.positions(tasks)
    expected = [serialize_task(task, positions.get(task.task_id)) for task in tasks]
    for _ in range(2):  # written, then kept
        found = read(task_pages.texts(EVERY_TASK, PageRequest()).texts)
        assert [list(each.items()) for each in found] == [list(each.items()) for each in expected]
