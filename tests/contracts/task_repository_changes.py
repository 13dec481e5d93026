"""The part of the contract of TaskRepository about single tasks: read, changed and removed."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest

from application.errors import StaleTask
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, PageRequest, TaskRepository
from application.task_filter import EVERY_TASK
from domain.status import Status
from domain.task_spec import TaskPatch
from tests.building import a_task
from tests.storing import rename, submit

AT_ONCE = timedelta(0)


class TaskChangesContract:
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

    def test_each_of_many_tasks_is_removed_or_not_independently(
        self, repository: TaskRepository
    ) -> None:
        old, other = submit(repository), submit(repository)
        newer = repository.save(rename(old, "newer"))

        assert list(repository.remove_many([old, other])) == [False, True]
        assert list(repository.remove_many([])) == []
        assert repository.get_many([old.task_id, other.task_id, "nonsense"]) == [newer]

    def test_a_retried_task_waits_behind_the_others(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        first, second = submit(repository), submit(repository)
        cancelled = repository.save(Change(before=first, after=first.cancel(datetime.now(UTC))))

        again = repository.save(Change(before=cancelled, after=cancelled.retry(datetime.now(UTC))))

        assert repository.get(first.task_id) == again
        assert repository.positions([again, second]) == {second.task_id: 1, again.task_id: 2}
        assert list(repository.past_retention(AT_ONCE, limit=10)) == []
