"""The contract of TaskRepository, inherited by the tests of its fake and of its adapter."""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from application.errors import AlreadySubmitted, StaleTask
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import (
    Backlog,
    Change,
    Cursor,
    IdempotencyRecord,
    PageRequest,
    TaskRepository,
)
from application.task_filter import EVERY_TASK, TaskFilter
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import AN_ERROR, a_task

AT_ONCE = timedelta(0)
A_WEEK = timedelta(days=7)
FAR = datetime(2999, 1, 1, tzinfo=UTC)
LONG_PAYLOAD = {"body": "z" * 5_000}


def submit(repository: TaskRepository, **members: object) -> Task:
    return repository.save(Change(before=None, after=a_task(**members)))


def rename(task: Task, name: str) -> Change:
    return Change(before=task, after=task.patch(TaskPatch({"task_name": name})))


class TaskRepositoryContract:
    """`let_a_millisecond_pass` returns when the store's clock shows a later one."""

    def test_a_new_task_may_be_final(self, repository: TaskRepository) -> None:
        cancelled = a_task().cancel(datetime.now(UTC))

        [kept] = repository.add([cancelled])

        assert repository.get(cancelled.task_id) == kept
        assert kept == replace(
            cancelled, submitted_at=kept.submitted_at, finished_at=kept.submitted_at
        )

    def test_a_saved_task_can_be_read(self, repository: TaskRepository) -> None:
        saved = submit(
            repository,
            task_name="Größe ✓ 你好 \u202e",
            duration=86_400,
            priority=9,
            labels={"team.a-b_c": "é\"'\\"},
        )

        assert repository.get(saved.task_id) == saved

    def test_an_unknown_id_returns_none(self, repository: TaskRepository) -> None:
        assert repository.get(a_task().task_id) is None

    @pytest.mark.parametrize(
        "spelling",
        [
            str.upper,
            lambda text: text.replace("-", ""),
            lambda text: f"{{{text}}}",
            lambda text: f"urn:uuid:{text}",
            lambda text: text[:14] + "4" + text[15:],
            lambda text: text + "\n",
            lambda text: "",
        ],
    )
    def test_an_id_in_another_spelling_returns_none(
        self, repository: TaskRepository, spelling
    ) -> None:
        task = submit(repository)

        assert repository.get(spelling(task.task_id)) is None

    def test_submitted_at_comes_from_the_clock_of_the_store(
        self, repository: TaskRepository
    ) -> None:
        wrong_clock = datetime(1999, 1, 1, tzinfo=UTC)
        task = Task.submit(a_task().task_id, a_task().spec, wrong_clock)

        saved = repository.save(Change(before=None, after=task))

        assert saved.submitted_at > wrong_clock
        assert repository.get(saved.task_id) == saved

    def test_pages_hold_the_tasks_in_the_order_of_submission(
        self, repository: TaskRepository
    ) -> None:
        ids = [submit(repository).task_id for _ in range(5)]

        page = repository.find(EVERY_TASK, PageRequest(offset=1, limit=3))

        assert [task.task_id for task in page.tasks] == ids[1:4]
        assert page.total == 5

    def test_a_page_behind_the_last_one_is_empty(self, repository: TaskRepository) -> None:
        submit(repository)

        page = repository.find(EVERY_TASK, PageRequest(offset=10**11, limit=100))

        assert (list(page.tasks), page.total) == ([], 1)

    def test_a_new_task_cannot_replace_another(self, repository: TaskRepository) -> None:
        task = submit(repository)

        with pytest.raises(StaleTask):
            repository.save(Change(before=None, after=task))

    def test_a_change_of_an_older_version_is_refused_and_changes_nothing(
        self, repository: TaskRepository
    ) -> None:
        old = submit(repository)
        new = repository.save(rename(old, "first"))

        with pytest.raises(StaleTask):
            repository.save(Change(before=old, after=old.cancel(datetime.now(UTC))))

        assert repository.get(old.task_id) == new

    def test_exactly_one_of_many_changes_of_one_version_wins(
        self, repository: TaskRepository
    ) -> None:
        task, racers = submit(repository), 8
        barrier, winners = threading.Barrier(racers), []

        def race(number: int) -> None:
            barrier.wait()
            with contextlib.suppress(StaleTask):
                winners.append(repository.save(rename(task, f"racer {number}")))

        threads = [threading.Thread(target=race, args=(number,)) for number in range(racers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(winners) == 1
        assert repository.get(task.task_id) == winners[0]

    def test_a_member_that_returns_to_its_default_is_stored(
        self, repository: TaskRepository
    ) -> None:
        task = submit(repository, priority=9, labels={"a": "b"})

        saved = repository.save(
            Change(before=task, after=task.patch(TaskPatch({"priority": None, "labels": None})))
        )

        stored = repository.get(task.task_id)
        assert stored == saved
        assert (saved.spec.priority, dict(saved.spec.labels)) == (5, {})

    def test_a_removed_task_is_in_no_index(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        task = submit(repository)

        repository.remove(task)

        assert repository.get(task.task_id) is None
        assert repository.find(EVERY_TASK, PageRequest()).total == 0
        assert leases.claim("default", owner="a:1", claim_id="1") is None

    def test_removing_an_older_version_is_refused(self, repository: TaskRepository) -> None:
        old = submit(repository)
        repository.save(rename(old, "newer"))

        with pytest.raises(StaleTask):
            repository.remove(old)

        assert repository.get(old.task_id)

    def test_final_tasks_are_past_their_retention_in_the_order_in_which_they_finished(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        second, first, _waiting = submit(repository), submit(repository), submit(repository)
        for task in (first, second):
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
        leases.claim("default", owner="a:1", claim_id="1")

        past_retention = repository.past_retention(AT_ONCE, limit=10)

        assert [task.task_id for task in past_retention] == [first.task_id, second.task_id]
        assert repository.past_retention(AT_ONCE, limit=1) == past_retention[:1]
        assert list(repository.past_retention(A_WEEK, limit=10)) == []

    def test_a_task_removed_early_does_not_hold_up_the_others(
        self, repository: TaskRepository
    ) -> None:
        removed, kept = (
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
            for task in (submit(repository), submit(repository))
        )
        repository.remove(removed)

        assert list(repository.past_retention(AT_ONCE, limit=10)) == [kept]
        assert list(repository.past_retention(AT_ONCE, limit=1)) == [kept]

    def test_finished_at_comes_from_the_clock_of_the_store(
        self, repository: TaskRepository
    ) -> None:
        task = submit(repository)

        saved = repository.save(
            Change(before=task, after=task.cancel(datetime(1999, 1, 1, tzinfo=UTC)))
        )

        assert saved.status is Status.CANCELLED
        assert saved.finished_at is not None
        assert saved.finished_at >= saved.submitted_at
        assert repository.get(task.task_id) == saved

    def test_each_of_many_changes_is_saved_or_refused_independently(
        self, repository: TaskRepository
    ) -> None:
        old, other = submit(repository), submit(repository)
        repository.save(rename(old, "newer"))

        stale, saved = repository.save_many([rename(old, "stale"), rename(other, "fresh")])

        assert stale is None
        assert saved == repository.get(other.task_id)
        assert saved.spec.task_name == "fresh"

    def test_only_scheduled_tasks_past_their_run_at_are_due(
        self, repository: TaskRepository
    ) -> None:
        second, first = (
            submit(repository, run_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (2001, 2000)
        )
        submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))
        submit(repository)

        assert list(repository.due(limit=10)) == [first, second]
        assert list(repository.due(limit=1)) == [first]
        repository.save_many(
            [Change(before=task, after=task.promote()) for task in (first, second)]
        )
        assert list(repository.due(limit=10)) == []

    def test_only_waiting_tasks_past_their_expires_at_are_expiring(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        submit(repository, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
        submit(repository)

        assert list(repository.expiring(limit=10)) == [late]
        repository.save(Change(before=late, after=late.expire(datetime.now(UTC))))
        assert list(repository.expiring(limit=10)) == []

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

    def test_all_new_tasks_are_added_or_none(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        taken, new = submit(repository, queue="other"), a_task()

        with pytest.raises(StaleTask):
            repository.add([new, replace(taken, version=1)])

        assert repository.get(new.task_id) is None
        added = repository.add([new, a_task()])
        assert repository.get_many([task.task_id for task in added]) == list(added)
        assert leases.claim("default", owner="a:1", claim_id="1").task_id == new.task_id

    def test_a_request_with_an_idempotency_record_adds_its_tasks_once(
        self, repository: TaskRepository
    ) -> None:
        idempotency_record = IdempotencyRecord(key="mine ✓", request_hash=b"1" * 32)
        added = repository.add([a_task(), a_task()], idempotency_record)

        with pytest.raises(AlreadySubmitted) as refusal:
            repository.add([a_task()], IdempotencyRecord(key="mine ✓", request_hash=b"2" * 32))

        assert refusal.value.request_hash == b"1" * 32
        assert refusal.value.task_ids == [task.task_id for task in added]
        assert refusal.value.submitted_at == added[0].submitted_at
        assert repository.find(EVERY_TASK, PageRequest()).total == 2
        repository.add([a_task()], IdempotencyRecord(key="other", request_hash=b"1" * 32))

    def test_exactly_one_of_many_requests_with_one_key_adds_its_tasks(
        self, repository: TaskRepository
    ) -> None:
        racers, refused = 8, []
        barrier = threading.Barrier(racers)

        def race() -> None:
            barrier.wait()
            try:
                repository.add([a_task()], IdempotencyRecord(key="one", request_hash=b"1" * 32))
            except AlreadySubmitted as earlier:
                refused.append(earlier.task_ids)

        threads = [threading.Thread(target=race) for _ in range(racers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        [task] = repository.find(EVERY_TASK, PageRequest()).tasks
        assert refused == [[task.task_id]] * (racers - 1)

    def test_each_of_many_tasks_is_removed_or_not_independently(
        self, repository: TaskRepository
    ) -> None:
        old, other = submit(repository), submit(repository)
        newer = repository.save(rename(old, "newer"))

        assert list(repository.remove_many([old, other])) == [False, True]
        assert list(repository.remove_many([])) == []
        assert repository.get_many([old.task_id, other.task_id, "nonsense"]) == [newer]

    def test_a_task_that_was_deleted_while_it_ran_is_discarded_once_it_is_final(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        run = leases.claim("default", owner="a:1", claim_id="1")
        discarded = repository.save(Change(before=run, after=run.discard(datetime.now(UTC))))
        assert list(repository.discarded(limit=10)) == []

        ended = repository.save(Change(before=discarded, after=discarded.stop(datetime.now(UTC))))

        assert list(repository.discarded(limit=10)) == [ended]
        repository.remove(ended)
        assert list(repository.discarded(limit=10)) == []

    def test_a_retried_task_waits_behind_the_others(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first, second = submit(repository), submit(repository)
        cancelled = repository.save(Change(before=first, after=first.cancel(datetime.now(UTC))))

        again = repository.save(Change(before=cancelled, after=cancelled.retry(datetime.now(UTC))))

        assert repository.get(first.task_id) == again
        assert repository.positions([again, second]) == {second.task_id: 1, again.task_id: 2}
        assert list(repository.past_retention(AT_ONCE, limit=10)) == []

    def test_a_task_that_is_set_aside_does_not_hold_up_the_others(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository)
        run = leases.claim("default", owner="a:1", claim_id="1")
        discarded = repository.save(Change(before=run, after=run.discard(datetime.now(UTC))))
        ended = repository.save(Change(before=discarded, after=discarded.stop(datetime.now(UTC))))
        stuck, due = (
            submit(repository, run_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (2000, 2001)
        )
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))

        repository.set_aside(Backlog.DUE, [stuck])
        repository.set_aside(Backlog.EXPIRING, [late])
        repository.set_aside(Backlog.DISCARDED, [ended])

        assert list(repository.due(limit=1)) == [due]
        assert list(repository.expiring(limit=1)) == []
        assert list(repository.discarded(limit=1)) == []
        assert repository.get_many([stuck.task_id, late.task_id, ended.task_id]) == [
            stuck,
            late,
            ended,
        ]

    def test_a_final_task_that_is_set_aside_goes_behind_the_others(
        self, repository: TaskRepository
    ) -> None:
        first, second = (submit(repository) for _ in range(2))
        first, second = (
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
            for task in (first, second)
        )

        repository.set_aside(Backlog.PAST_RETENTION, [first])

        assert list(repository.past_retention(AT_ONCE, limit=1)) == [second]
        assert list(repository.past_retention(AT_ONCE, limit=2)) == [second, first]

    def test_a_task_that_was_changed_meanwhile_is_not_set_aside(
        self, repository: TaskRepository
    ) -> None:
        seen = submit(repository, run_at=datetime(2000, 1, 1, tzinfo=UTC))
        newer = repository.save(rename(seen, "newer"))

        repository.set_aside(Backlog.DUE, [seen])

        assert list(repository.due(limit=1)) == [newer]

    def test_a_task_that_starts_or_ends_is_not_expiring_any_more(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        soon = datetime(2999, 1, 1, tzinfo=UTC)
        submit(repository, expires_at=soon)
        run = leases.claim("default", owner="a:1", claim_id="1")
        done = repository.save(Change(before=run, after=run.complete(None, datetime.now(UTC))))
        assert list(repository.expiring(limit=10)) == []
        repository.remove(done)

        assert list(repository.expiring(limit=10)) == []

    def test_a_task_that_gets_a_later_expiry_waits_again(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        assert leases.claim("default", owner="a:1", claim_id="1") is None

        repository.save(Change(before=late, after=late.patch(TaskPatch({"expires_at": None}))))

        assert leases.claim("default", owner="a:1", claim_id="2").task_id == late.task_id

    def test_a_change_of_a_task_read_without_its_payload_keeps_the_payload(
        self, repository: TaskRepository
    ) -> None:
        payload = {"body": "y" * 5_000}
        stored = submit(
            repository, type="http", payload=payload, run_at=datetime(2000, 1, 1, tzinfo=UTC)
        )

        [due] = repository.due(limit=10)
        repository.save(Change(before=due, after=due.promote()))

        assert due.omitted == ("payload",)
        assert repository.get(stored.task_id).spec.payload == payload

    def test_the_error_of_a_failed_run_stays_while_the_task_waits_and_runs_again(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository, type="http", payload=LONG_PAYLOAD, retry=RetryPolicy(max_attempts=2))
        run = leases.claim("default", owner="a:1", claim_id="1")
        assert run
        waiting = repository.save(Change(before=run, after=run.fail(AN_ERROR, datetime.now(UTC))))

        [seen] = repository.get_many(
            [waiting.task_id]
        )  # without its payload, as lists and snapshots read it
        assert repository.get(waiting.task_id).last_error == seen.last_error == AN_ERROR

        repository.save(Change(before=waiting, after=waiting.promote()))
        again = leases.claim("default", owner="a:1", claim_id="2")
        assert again
        assert again.last_error == AN_ERROR
        done = repository.save(
            Change(before=again, after=again.complete("done", datetime.now(UTC)))
        )
        assert done.last_error is repository.get(done.task_id).last_error is None

    def test_methods_that_read_many_tasks_omit_long_members_and_name_them(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        brief = submit(repository, type="http", payload={"body": "y" * 4_000})
        done = self._complete_with_long_members(repository, leases, queue="long")

        pages = [
            repository.find(wanted, PageRequest()).tasks
            for wanted in (EVERY_TASK, TaskFilter(text="x" * 5_000))
        ]

        assert pages[0][0] == brief
        [seen] = pages[1]
        assert [
            seen,
            *pages[0][1:],
            *repository.get_many([done.task_id]),
            *repository.past_retention(AT_ONCE, limit=9),
        ] == [seen] * 4
        assert (seen.omitted, dict(seen.spec.payload), seen.result) == (
            ("payload", "result"),
            {},
            None,
        )
        assert repository.get(done.task_id) == done

    def test_a_change_of_a_task_without_its_long_members_keeps_them(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        done = self._complete_with_long_members(repository, leases, queue="one")
        waiting = submit(repository, type="http", payload=LONG_PAYLOAD, run_at=FAR)
        for task_id in (done.task_id, waiting.task_id):
            [seen] = repository.get_many([task_id])
            repository.save(rename(seen, "new"))
        [seen] = repository.get_many([waiting.task_id])
        [cancelled] = repository.save_many(
            [Change(before=seen, after=seen.cancel(datetime.now(UTC)))]
        )
        assert cancelled
        [seen] = repository.get_many([waiting.task_id])
        repository.save(Change(before=seen, after=seen.retry(datetime.now(UTC))))

        kept, again = repository.get(done.task_id), repository.get(waiting.task_id)
        assert (kept.spec.task_name, kept.spec.payload, kept.result) == (
            "new",
            LONG_PAYLOAD,
            done.result,
        )
        assert (again.spec.task_name, again.spec.payload, again.status) == (
            "new",
            LONG_PAYLOAD,
            Status.QUEUED,
        )

    def test_a_member_that_was_not_read_cannot_be_changed(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        waiting = submit(repository, type="http", payload=LONG_PAYLOAD)
        [seen] = repository.get_many([waiting.task_id])
        other = TaskPatch({"payload": {"url": "https://example.com"}})

        with pytest.raises(ValueError, match="payload"):
            repository.save(Change(before=seen, after=seen.patch(other)))
        with pytest.raises(ValueError, match="payload"):
            repository.add([replace(seen, task_id=a_task().task_id)])

        assert repository.get(waiting.task_id) == waiting

    def _complete_with_long_members(
        self, repository: TaskRepository, leases: TaskLeases, queue: str
    ) -> Task:
        submit(repository, type="http", payload=LONG_PAYLOAD, queue=queue)
        run = leases.claim(queue, owner="long:1", claim_id="1")
        assert run
        return repository.save(
            Change(before=run, after=run.complete("x" * 5_000, datetime.now(UTC)))
        )
