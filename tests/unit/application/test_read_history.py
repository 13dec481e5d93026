"""The history of a task: what its stored changes and the task itself tell together."""

from datetime import timedelta

import pytest

from application.errors import TaskNotFound
from application.ports.task_history import MAX_ENTRIES
from application.ports.task_repository import Change
from application.use_cases.tasks.read_history import HistoryPage, ReadHistory
from domain.actor import MAINTENANCE, Actor, ActorKind, worker_of
from domain.events import Event
from domain.history import MemberChange
from domain.retry_policy import RetryPolicy
from domain.task import Task
from tests.building import AN_ERROR
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, completed, rename, submit

ANNA = Actor(kind=ActorKind.KEY, key_id="0123456789ab", name="Anna", address="10.0.0.7")
WORKER = worker_of("a:1")


@pytest.fixture
def read(store: FakeTaskStore) -> ReadHistory:
    return ReadHistory(store, store)


def change(store: FakeTaskStore, actor: Actor, before: Task, after: Task) -> Task:
    store.actors.act_as(actor)
    return store.save(Change(before=before, after=after))


def submit_as(store: FakeTaskStore, actor: Actor, **members: object) -> Task:
    store.actors.act_as(actor)
    return submit(store, **members)


def told(page: HistoryPage) -> list[tuple[int, Event, Actor | None]]:
    return [(entry.version, entry.event, entry.actor) for entry in page.entries]


def test_a_task_that_succeeds_at_once_tells_its_history_itself(
    store: FakeTaskStore, clock: FakeClock, read: ReadHistory
) -> None:
    task = submit_as(store, ANNA)
    clock.advance(timedelta(seconds=1))
    run = claim(store)
    running = read.execute(task.task_id, limit=10)
    clock.advance(timedelta(seconds=1))
    ended = store.save(completed(run))
    clock.advance(timedelta(seconds=1))
    change(store, ANNA, ended, rename(ended, "renamed").after)

    found = read.execute(task.task_id, limit=10)

    assert told(running) == [(1, Event.SUBMITTED, ANNA), (2, Event.STARTED, WORKER)]
    assert told(found) == [
        (1, Event.SUBMITTED, ANNA),
        (2, Event.STARTED, WORKER),
        (3, Event.COMPLETED, WORKER),
        (4, Event.UPDATED, ANNA),
    ]
    assert [entry.at for entry in found.entries[:3]] == [
        task.submitted_at,
        run.started_at,
        ended.finished_at,
    ]
    assert [entry.attempt for entry in found.entries] == [None, 1, 1, None]
    assert found.entries[1].changes == (
        MemberChange(member="status", before="QUEUED", after="PROCESSING"),
    )
    assert (found.unrecorded, found.next) == (0, None)
    with pytest.raises(TaskNotFound):
        read.execute("nonsense", limit=10)


def test_each_run_began_before_the_changes_that_were_made_while_it_went_on(
    store: FakeTaskStore, clock: FakeClock, read: ReadHistory
) -> None:
    task = submit_as(store, ANNA, retry=RetryPolicy(max_attempts=3, initial_delay=60))
    run = claim(store)  # in the millisecond of the submission
    clock.advance(timedelta(seconds=1))
    run = change(store, ANNA, run, rename(run, "renamed").after)
    waiting = change(store, WORKER, run, run.fail(AN_ERROR, clock.now()))
    queued = change(store, MAINTENANCE, waiting, waiting.promote())
    queued = change(store, ANNA, queued, rename(queued, "again").after)
    clock.advance(timedelta(seconds=1))
    run = claim(store, claim_id="2")
    clock.advance(timedelta(seconds=1))
    asked = change(store, ANNA, run, run.cancel(clock.now()))
    change(store, MAINTENANCE, asked, asked.lose(clock.now()))

    found = read.execute(task.task_id, limit=20)

    assert told(found) == [
        (1, Event.SUBMITTED, ANNA),
        (2, Event.STARTED, WORKER),
        (3, Event.UPDATED, ANNA),
        (4, Event.RETRYING, WORKER),
        (5, Event.UPDATED, MAINTENANCE),
        (6, Event.UPDATED, ANNA),
        (7, Event.STARTED, WORKER),
        (8, Event.UPDATED, ANNA),
        (9, Event.CANCELLED, MAINTENANCE),
    ]
    assert [entry.attempt for entry in found.entries if entry.attempt] == [1, 1, 2, 2]
    assert found.unrecorded == 0


def test_a_task_of_an_older_version_of_the_service_tells_what_it_knows(
    store: FakeTaskStore, clock: FakeClock, read: ReadHistory
) -> None:
    task = submit_as(store, ANNA, retry=RetryPolicy(max_attempts=2, initial_delay=60))
    for claim_id in ("1", "2"):
        clock.advance(timedelta(seconds=1))
        run = claim(store, claim_id=claim_id)
        clock.advance(timedelta(seconds=1))
        ended = change(store, WORKER, run, run.fail(AN_ERROR, clock.now()))
        if ended.due_at:
            change(store, MAINTENANCE, ended, ended.promote())
    for part in (store.changes, store.submitters, store.completers):
        part.clear()

    found = read.execute(task.task_id, limit=20)

    assert told(found) == [
        (1, Event.SUBMITTED, None),
        (5, Event.STARTED, None),
        (6, Event.FAILED, None),
    ]
    assert found.unrecorded == 3


def test_pages_follow_each_other_and_what_was_dropped_is_counted(
    store: FakeTaskStore, read: ReadHistory
) -> None:
    task = submit_as(store, ANNA)
    changed = task
    for number in range(MAX_ENTRIES + 5):
        changed = change(store, ANNA, changed, rename(changed, f"{number}").after)
    pages = [read.execute(task.task_id, limit=150)]
    while pages[-1].next:
        pages.append(read.execute(task.task_id, limit=150, after=pages[-1].next))

    versions = [entry.version for page in pages for entry in page.entries]

    assert versions == [1, *range(7, MAX_ENTRIES + 7)]
    assert [len(page.entries) for page in pages] == [150, MAX_ENTRIES + 1 - 150]
    assert {page.unrecorded for page in pages} == {5}
