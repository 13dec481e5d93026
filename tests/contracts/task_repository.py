"""What every TaskRepository must do. Inherited once for the fake and once for Redis."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest

from application.errors import StaleTask
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_task

AT_ONCE = timedelta(0)
A_WEEK = timedelta(days=7)


def submit(repository: TaskRepository, **members: object) -> Task:
    return repository.save(Change(before=None, after=a_task(**members)))


def rename(task: Task, name: str) -> Change:
    return Change(before=task, after=task.patch(TaskPatch({"task_name": name})))


class TaskRepositoryContract:
    def test_a_saved_task_can_be_read(self, repository: TaskRepository) -> None:
        saved = submit(
            repository, task_name="Größe ✓ 你好 \u202e", duration=86_400, priority=9, labels={"team.a-b_c": "é\"'\\"}
        )

        assert repository.get(saved.task_id) == saved

    def test_an_unknown_id_has_no_task(self, repository: TaskRepository) -> None:
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
    def test_an_id_in_any_other_spelling_has_no_task(self, repository: TaskRepository, spelling) -> None:
        task = submit(repository)

        assert repository.get(spelling(task.task_id)) is None

    def test_the_time_of_submission_is_that_of_the_store(self, repository: TaskRepository) -> None:
        wrong_clock = datetime(1999, 1, 1, tzinfo=UTC)
        task = Task.submit(a_task().task_id, a_task().spec, wrong_clock)

        saved = repository.save(Change(before=None, after=task))

        assert saved.submitted_at > wrong_clock
        assert repository.get(saved.task_id) == saved

    def test_pages_hold_the_tasks_in_the_order_of_submission(self, repository: TaskRepository) -> None:
        ids = [submit(repository).task_id for _ in range(5)]

        page = repository.page(offset=1, limit=3)

        assert [task.task_id for task in page.tasks] == ids[1:4]
        assert page.total == 5

    def test_a_page_behind_the_last_one_is_empty(self, repository: TaskRepository) -> None:
        submit(repository)

        page = repository.page(offset=10**11, limit=100)

        assert (list(page.tasks), page.total) == ([], 1)

    def test_a_new_task_cannot_replace_another(self, repository: TaskRepository) -> None:
        task = submit(repository)

        with pytest.raises(StaleTask):
            repository.save(Change(before=None, after=task))

    def test_a_change_of_an_older_version_is_refused_and_changes_nothing(self, repository: TaskRepository) -> None:
        old = submit(repository)
        new = repository.save(rename(old, "first"))

        with pytest.raises(StaleTask):
            repository.save(Change(before=old, after=old.cancel(datetime.now(UTC))))

        assert repository.get(old.task_id) == new

    def test_of_many_changes_of_one_version_exactly_one_wins(self, repository: TaskRepository) -> None:
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

    def test_a_member_that_returns_to_its_default_is_stored_so(self, repository: TaskRepository) -> None:
        task = submit(repository, priority=9, labels={"a": "b"})

        saved = repository.save(Change(before=task, after=task.patch(TaskPatch({"priority": None, "labels": None}))))

        stored = repository.get(task.task_id)
        assert stored == saved
        assert (saved.spec.priority, dict(saved.spec.labels)) == (5, {})

    def test_a_removed_task_is_nowhere(self, repository: TaskRepository, leases: TaskLeases) -> None:
        task = submit(repository)

        repository.remove(task)

        assert repository.get(task.task_id) is None
        assert repository.page(offset=0, limit=10).total == 0
        assert leases.claim("default", owner="a:1", claim_id="1") is None

    def test_removing_an_older_version_is_refused(self, repository: TaskRepository) -> None:
        old = submit(repository)
        repository.save(rename(old, "newer"))

        with pytest.raises(StaleTask):
            repository.remove(old)

        assert repository.get(old.task_id)

    def test_final_tasks_outlive_their_retention_in_the_order_they_finished(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        second, first, _waiting = submit(repository), submit(repository), submit(repository)
        for task in (first, second):
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
        leases.claim("default", owner="a:1", claim_id="1")

        outlived = repository.outlived(AT_ONCE, limit=10)

        assert [task.task_id for task in outlived] == [first.task_id, second.task_id]
        assert repository.outlived(AT_ONCE, limit=1) == outlived[:1]
        assert list(repository.outlived(A_WEEK, limit=10)) == []

    def test_a_task_removed_early_does_not_hold_up_the_others(self, repository: TaskRepository) -> None:
        removed, kept = (
            repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
            for task in (submit(repository), submit(repository))
        )
        repository.remove(removed)

        assert list(repository.outlived(AT_ONCE, limit=10)) == [kept]
        assert list(repository.outlived(AT_ONCE, limit=1)) == [kept]

    def test_the_time_of_the_end_is_that_of_the_store(self, repository: TaskRepository) -> None:
        task = submit(repository)

        saved = repository.save(Change(before=task, after=task.cancel(datetime(1999, 1, 1, tzinfo=UTC))))

        assert saved.status is Status.CANCELLED
        assert saved.finished_at is not None
        assert saved.finished_at >= saved.submitted_at
        assert repository.get(task.task_id) == saved

    def test_each_of_many_changes_is_saved_or_refused_by_itself(self, repository: TaskRepository) -> None:
        old, other = submit(repository), submit(repository)
        repository.save(rename(old, "newer"))

        stale, saved = repository.save_each([rename(old, "stale"), rename(other, "fresh")])

        assert stale is None
        assert saved == repository.get(other.task_id)
        assert saved.spec.task_name == "fresh"

    def test_only_scheduled_tasks_whose_time_has_come_are_due(self, repository: TaskRepository) -> None:
        second, first = (submit(repository, run_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (2001, 2000))
        submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))
        submit(repository)

        assert list(repository.due(limit=10)) == [first, second]
        assert list(repository.due(limit=1)) == [first]
        repository.save_each([Change(before=task, after=task.promote()) for task in (first, second)])
        assert list(repository.due(limit=10)) == []

    def test_only_waiting_tasks_that_are_too_late_are_expiring(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        late = submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        submit(repository, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
        submit(repository)

        assert list(repository.expiring(limit=10)) == [late]
        repository.save(Change(before=late, after=late.expire(datetime.now(UTC))))
        assert list(repository.expiring(limit=10)) == []
