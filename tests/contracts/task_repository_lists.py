"""The part of the contract of TaskRepository about lists: pages, cursors, filters and positions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, Cursor, PageRequest, TaskRepository
from application.task_filter import EVERY_TASK, TaskFilter
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_task
from tests.storing import submit

NOBODY = "01234567-89ab-7def-8000-000000000000"
"""The id of no task."""


class TaskListsContract:
    """`let_a_millisecond_pass` returns when the store's clock shows a later one."""

    def test_pages_hold_the_tasks_in_the_order_of_submission(
        self, repository: TaskRepository
    ) -> None:
        ids = [submit(repository).task_id for _ in range(5)]

        page = repository.find(EVERY_TASK, PageRequest(offset=1, limit=3))

        assert [task.task_id for task in page.tasks] == ids[1:4]
        assert page.total == 5

    def test_the_ids_of_a_page_are_those_of_its_tasks(self, repository: TaskRepository) -> None:
        for number in range(5):
            submit(repository, queue="even" if number % 2 else "odd", task_name=f"{number}")

        for wanted in (EVERY_TASK, TaskFilter(queue="odd"), TaskFilter(task_name="1")):
            for newest_first in (False, True):
                asked = PageRequest(limit=2, newest_first=newest_first)
                page, ids = repository.find(wanted, asked), repository.find_ids(wanted, asked)
                assert ids.ids == [task.task_id for task in page.tasks]
                assert (ids.total, ids.next) == (page.total, page.next)

    def test_a_page_behind_the_last_one_is_empty(self, repository: TaskRepository) -> None:
        submit(repository)

        page = repository.find(EVERY_TASK, PageRequest(offset=10**11, limit=100))

        assert (list(page.tasks), page.total) == ([], 1)

    def test_a_filter_finds_exactly_the_matching_tasks(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first = submit(repository, task_name="one", queue="a", labels={"team": "x", "size": "big"})
        second = submit(repository, task_name="two", queue="b", labels={"team": "x"})
        third = submit(
            repository, task_name="One more", queue="b", labels={"team": "y"}, type="dance"
        )
        cancelled = repository.save(Change(before=second, after=second.cancel(datetime.now(UTC))))
        run = leases.claim("a", owner="a:1", claim_id="1")
        done = repository.save(
            Change(before=run, after=run.complete({"pages": ["Größe"]}, datetime.now(UTC)))
        )

        def found(**members: object) -> list[str]:
            page = repository.find(TaskFilter(**members), PageRequest())
            assert page.total in (None, len(page.tasks))
            return [
                {done.task_id: "1", cancelled.task_id: "2", third.task_id: "3"}[task.task_id]
                for task in page.tasks
            ]

        assert run.task_id == first.task_id
        assert found() == ["1", "2", "3"]
        assert found(statuses=frozenset({Status.CANCELLED})) == ["2"]
        assert found(statuses=frozenset({Status.CANCELLED, Status.QUEUED, Status.EXPIRED})) == [
            "2",
            "3",
        ]
        assert found(statuses=frozenset({Status.PROCESSING})) == []
        assert found(type="dance") == ["3"]
        assert found(queue="b") == ["2", "3"]
        assert found(labels={"team": "x"}) == ["1", "2"]
        assert found(labels={"team": "x", "size": "big"}) == ["1"]
        assert found(labels={"team": "x"}, queue="b") == ["2"]
        assert found(statuses=frozenset({Status.COMPLETED, Status.QUEUED}), queue="b") == ["3"]
        assert found(task_name="one") == ["1"]
        assert found(text="ONE") == ["1", "3"]
        assert found(text="größe") == ["1"]
        assert found(text='{"PAGES":["') == ["1"]
        assert found(text="was cancelled") == ["2"]
        assert found(text="one", queue="b") == ["3"]
        assert found(text="team") == []

    @pytest.mark.parametrize(
        "result", ['a "quoted" \\ text', "two\nlines\tÉ", {"a": 'b"c'}, ["x", {"y": 1.5}]]
    )
    def test_text_is_found_however_json_writes_it(
        self, repository: TaskRepository, leases: TaskLeases, result: object
    ) -> None:
        submit(repository)
        run = leases.claim("default", owner="a:1", claim_id="1")
        done = repository.save(Change(before=run, after=run.complete(result, datetime.now(UTC))))
        text = (
            result
            if isinstance(result, str)
            else json.dumps(result, separators=(",", ":"), ensure_ascii=False)
        )

        for part in {text, text[2:-1], text[:5], text.upper(), text[1:4].lower()}:
            assert list(repository.find(TaskFilter(text=part), PageRequest()).tasks) == [done], part

    def test_a_span_of_time_excludes_its_ends(
        self, repository: TaskRepository, let_a_millisecond_pass: Callable[[], None]
    ) -> None:
        tasks = []
        for _ in range(3):
            tasks.append(submit(repository))
            let_a_millisecond_pass()
        first, second, third = tasks

        def found(**members: object) -> list[Task]:
            page = repository.find(TaskFilter(**members), PageRequest())
            assert page.total == len(page.tasks)
            return list(page.tasks)

        assert found(submitted_after=first.submitted_at) == [second, third]
        assert found(submitted_before=third.submitted_at) == [first, second]
        assert found(submitted_after=first.submitted_at, submitted_before=third.submitted_at) == [
            second
        ]
        assert found(submitted_after=third.submitted_at, queue="default") == []

    @pytest.mark.parametrize("newest_first", [False, True])
    @pytest.mark.parametrize(
        "wanted",
        [
            EVERY_TASK,
            TaskFilter(statuses=frozenset({Status.QUEUED})),
            TaskFilter(statuses=frozenset({Status.QUEUED, Status.CANCELLED})),
            TaskFilter(queue="default", labels={"a": "b"}),
            TaskFilter(text="test"),
        ],
    )
    def test_pages_by_cursor_and_by_offset_hold_each_task_once(
        self, repository: TaskRepository, wanted: TaskFilter, newest_first: bool
    ) -> None:
        tasks = list(repository.add([a_task(labels={"a": "b"}) for _ in range(7)]))
        tasks[2] = repository.save(
            Change(before=tasks[2], after=tasks[2].cancel(datetime.now(UTC)))
        )
        if Status.QUEUED in wanted.statuses and len(wanted.statuses) == 1:
            del tasks[2]
        expected = tasks[::-1] if newest_first else tasks

        by_number = [
            task
            for offset in range(0, 9, 3)
            for task in repository.find(
                wanted, PageRequest(limit=3, offset=offset, newest_first=newest_first)
            ).tasks
        ]
        by_place, place = [], None
        while page := repository.find(
            wanted, PageRequest(limit=2, after=place, newest_first=newest_first)
        ):
            by_place += page.tasks
            place = page.next
            if place is None:
                break

        assert by_number == expected
        assert by_place == expected

    def test_a_cursor_of_a_removed_task_still_works(self, repository: TaskRepository) -> None:
        first, second, third = repository.add([a_task() for _ in range(3)])
        place = repository.find(EVERY_TASK, PageRequest(limit=2)).next
        repository.remove(second)

        rest = repository.find(EVERY_TASK, PageRequest(limit=2, after=place))

        assert place == Cursor.of(second)
        assert (list(rest.tasks), rest.next) == ([third], None)
        assert repository.find(EVERY_TASK, PageRequest(after=place, newest_first=True)).tasks == [
            first
        ]

    def test_positions_are_those_in_which_tasks_start(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        low, first, second = submit(repository, priority=1), submit(repository), submit(repository)
        other, later = (
            submit(repository, queue="other"),
            submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC)),
        )

        positions = repository.positions([low, first, second, other, later])

        assert positions == {first.task_id: 1, second.task_id: 2, low.task_id: 3, other.task_id: 1}
        assert leases.claim("default", owner="a:1", claim_id="1").task_id == first.task_id
        assert repository.positions([]) == {}

    def test_a_page_and_a_read_know_the_positions(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first, second = submit(repository), submit(repository)
        other = submit(repository, queue="other")
        for task in (first, second, other):
            repository.get_with_position(task.task_id)  # an adapter may remember queues
        moved = repository.save(
            Change(before=other, after=other.patch(TaskPatch({"queue": "third"})))
        )
        claimed = leases.claim("default", owner="a:1", claim_id="1")

        tasks = repository.find(EVERY_TASK, PageRequest()).tasks
        positions = repository.positions(tasks)
        ids = [task.task_id for task in tasks]
        read = [repository.get_with_position(task_id) for task_id in ids]

        assert claimed.task_id == first.task_id
        assert positions == {second.task_id: 1, moved.task_id: 1}
        assert read == [(claimed, None), (second, 1), (moved, 1)]
        assert list(repository.each_with_position([*ids, "nonsense", NOBODY])) == read

    def test_a_save_knows_the_position(self, repository: TaskRepository) -> None:
        first, second = submit(repository), submit(repository)
        now = datetime.now(UTC)

        first_now = repository.save_with_position(
            Change(before=first, after=first.patch(TaskPatch({"priority": 1})))
        )
        cancelled = repository.save_with_position(Change(before=second, after=second.cancel(now)))

        assert first_now == (repository.get(first.task_id), 2)
        assert cancelled == (repository.get(second.task_id), None)
