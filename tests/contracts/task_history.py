"""The contract of TaskHistory, inherited by the tests of its fake and of its adapter.

The repository of the same store adds the changes.
"""

from application.ports.actors import Actors
from application.ports.task_history import MAX_ENTRIES, StoredHistory, TaskHistory
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.actor import MAINTENANCE, Actor, ActorKind, worker_of
from domain.events import Event
from domain.history import EndedRun, MemberChange
from domain.retry_policy import RetryPolicy
from domain.task_spec import TaskPatch
from tests.building import AN_ERROR, a_task
from tests.storing import claim, completed, rename, stored, submit

ANNA = Actor(kind=ActorKind.KEY, key_id="0123456789ab", name='Anna\'s \x00 "key" ä', address="::1")
BEN = Actor(kind=ActorKind.SESSION, key_id="ba9876543210", name="Ben", address="10.0.0.7")
NOBODY = Actor(kind=ActorKind.ANONYMOUS)


class TaskHistoryContract:
    def test_a_task_that_succeeds_in_its_first_attempt_needs_no_entry(
        self,
        repository: TaskRepository,
        leases: TaskLeases,
        history: TaskHistory,
        actors: Actors,
    ) -> None:
        actors.act_as(ANNA)
        [task] = repository.add([a_task()])
        actors.act_as(MAINTENANCE)
        assert history.stored(task.task_id) == StoredHistory(submitted_by=ANNA)

        repository.save(completed(claim(leases, "worker-1:7")))

        worker = Actor(kind=ActorKind.WORKER, name="worker-1")
        assert history.stored(task.task_id) == StoredHistory(submitted_by=ANNA, completed_by=worker)
        assert history.stored("no id") == StoredHistory()

    def test_each_change_is_stored_with_its_version_actor_time_and_members(
        self, repository: TaskRepository, history: TaskHistory, actors: Actors
    ) -> None:
        actors.act_as(NOBODY)
        task = submit(repository, labels={"team": "a", "old": "x"})
        actors.act_as(ANNA)
        patch = TaskPatch({"priority": 9, "labels": {"team": "b", "new": "y", "old": None}})
        changed = repository.save(Change(before=task, after=task.patch(patch)))
        actors.act_as(BEN)
        ended = repository.save(Change(before=changed, after=changed.cancel(changed.submitted_at)))

        found = history.stored(task.task_id)

        assert found.submitted_by == NOBODY
        first, second = found.changes
        assert (first.version, first.event, first.actor) == (2, Event.UPDATED, ANNA)
        assert first.changes == (
            MemberChange(member="priority", before=5, after=9),
            MemberChange(member="labels/new", after="y"),
            MemberChange(member="labels/old", before="x"),
            MemberChange(member="labels/team", before="a", after="b"),
        )
        assert (second.version, second.event, second.actor) == (3, Event.CANCELLED, BEN)
        assert second.changes[0] == MemberChange(
            member="status", before="QUEUED", after="CANCELLED"
        )
        assert second.at == ended.finished_at
        assert task.submitted_at <= first.at <= second.at

    def test_the_end_of_a_run_tells_when_it_began_and_who_ran_it(
        self,
        repository: TaskRepository,
        leases: TaskLeases,
        history: TaskHistory,
        actors: Actors,
    ) -> None:
        task = submit(repository, retry=RetryPolicy(max_attempts=2, initial_delay=60))
        run = claim(leases, "worker-1:7")
        actors.act_as(worker_of("worker-1:7"))
        repository.save(Change(before=run, after=run.fail(AN_ERROR, run.started_at)))

        [entry] = history.stored(task.task_id).changes

        assert entry.run == EndedRun(attempt=1, started_at=run.started_at, owner="worker-1:7")
        assert (entry.version, entry.event, entry.attempt) == (3, Event.RETRYING, 1)
        assert entry.actor == Actor(kind=ActorKind.WORKER, name="worker-1")
        error = {"code": AN_ERROR.code, "message": AN_ERROR.message}
        assert MemberChange(member="last_error", after=error) in entry.changes

    def test_values_that_are_secret_or_long_are_not_stored(
        self, repository: TaskRepository, history: TaskHistory
    ) -> None:
        task = submit(repository, type="other", payload={"password": "hunter2"})
        labels = {f"key-{number}": "ä" * 255 for number in range(16)}
        patch = TaskPatch({"payload": {"password": "hunter3"}, "labels": labels})
        repository.save(Change(before=task, after=task.patch(patch)))

        [entry] = history.stored(task.task_id).changes

        names = {*(f"labels/{key}" for key in labels), "payload"}
        assert {change.member for change in entry.changes} == names
        assert not any(change.are_shown or change.after for change in entry.changes)

    def test_a_payload_is_named_beside_members_that_are_shown(
        self, repository: TaskRepository, history: TaskHistory
    ) -> None:
        task = submit(repository, type="other", payload={"a": 1})
        patch = TaskPatch({"payload": {"a": 2}, "priority": 1})
        repository.save(Change(before=task, after=task.patch(patch)))

        [entry] = history.stored(task.task_id).changes

        assert entry.changes == (
            MemberChange(member="priority", before=5, after=1),
            MemberChange(member="payload", are_shown=False),
        )

    def test_the_last_changes_are_kept_until_the_task_is_removed(
        self, repository: TaskRepository, history: TaskHistory
    ) -> None:
        task = submit(repository)
        for number in range(MAX_ENTRIES + 3):
            task = repository.save(rename(task, f"{number}"))

        changes = history.stored(task.task_id).changes

        assert [entry.version for entry in changes] == list(range(5, MAX_ENTRIES + 5))
        repository.remove(stored(repository, task))
        assert history.stored(task.task_id) == StoredHistory()
