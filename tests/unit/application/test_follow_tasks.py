"""Following tasks: the items, their order, and the end."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from application.access import ANYONE, Caller
from application.errors import StoreUnavailable, TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.callers import Anyone
from application.ports.event_stream import FollowerTooSlow, StreamGap, Subscription, TaskEvent
from application.ports.task_repository import Change
from application.task_filter import EVERY_TASK, TaskFilter
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.follow_tasks import FollowTasks
from application.use_cases.tasks.following import Following, News, Notice, Snapshot
from domain.actor import MAINTENANCE
from domain.events import Event
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream, FakeSubscription
from tests.fakes.task_store import FakeTaskStore


@pytest.fixture
def stream(store: FakeTaskStore, clock: FakeClock) -> FakeEventStream:
    return FakeEventStream(store, clock)


@pytest.fixture
def follow(store: FakeTaskStore, stream: FakeEventStream, clock: FakeClock) -> FollowTasks:
    return FollowTasks(store, stream, clock, store, Anyone())


@pytest.fixture
def cancel(store: FakeTaskStore, clock: FakeClock) -> Callable[[str], Task]:
    return CancelTask(OptimisticUpdate(store), clock).execute


class TeamA(Anyone):
    def current(self) -> Caller:
        return replace(ANYONE, scope=TaskFilter(labels={"team": "a"}))


def submit(store: FakeTaskStore, **members: object) -> Task:
    return store.save(Change(before=None, after=a_task(**members)))


def rename(store: FakeTaskStore, task: Task, name: str) -> Task:
    return store.save(Change(before=task, after=task.patch(TaskPatch({"task_name": name}))))


def tell(store: FakeTaskStore, event: Event, task: Task, *, times: int) -> None:
    store.events += [(event, task)] * times
    store.event_actors += [MAINTENANCE] * times


def told(news: News) -> object:
    if isinstance(news, Snapshot):
        return ("snapshot", news.task.spec.task_name)
    return (news.event, news.task.spec.task_name) if isinstance(news, TaskEvent) else news


def first(following: Following, number: int) -> list[object]:
    return [told(news) for news in islice(following, number)]


def test_a_follower_of_one_task_receives_a_snapshot_and_all_events_to_its_end(
    store, follow, cancel
) -> None:
    task = submit(store)
    following = follow.follow_task(task.task_id, None)
    renamed = rename(store, task, "new")
    submit(store, task_name="other")
    cancel(renamed.task_id)

    assert [told(news) for news in following] == [
        ("snapshot", "test"),
        (Event.UPDATED, "new"),
        (Event.CANCELLED, "new"),
    ]


def test_a_notice_follows_15_seconds_without_an_event(store, follow, clock) -> None:
    following = follow.follow_task(submit(store).task_id, None)

    assert first(following, 3) == [("snapshot", "test"), Notice.QUIET, Notice.QUIET]


def test_a_notice_follows_15_seconds_without_a_matching_event(
    store, stream, follow, clock, monkeypatch
) -> None:
    others = [submit(store, task_name="other")]

    def next_of_others(self: Subscription, seconds: float) -> TaskEvent | None:
        clock.advance(timedelta(seconds=min(seconds, 0.1)))
        others[0] = rename(store, others[0], "other")
        return stream.event(len(store.events))

    following = follow.follow_all(TaskFilter(task_name="mine"), None)
    monkeypatch.setattr(FakeSubscription, "next", next_of_others)
    began = clock.monotonic()

    assert first(following, 2) == [Notice.QUIET, Notice.QUIET]
    assert 30 <= clock.monotonic() - began < 31


def test_a_notice_follows_a_thousand_past_events_without_a_match(store, stream, follow) -> None:
    mine = submit(store, task_name="mine")
    _, seen = stream.snapshot(mine.task_id)
    other = submit(store, task_name="other")
    tell(store, Event.UPDATED, other, times=999)
    mine = rename(store, mine, "mine")
    tell(store, Event.UPDATED, other, times=2_500)
    rename(store, mine, "mine")

    assert first(follow.follow_all(TaskFilter(task_name="mine"), seen), 5) == [
        Notice.QUIET,
        (Event.UPDATED, "mine"),
        Notice.QUIET,
        Notice.QUIET,
        (Event.UPDATED, "mine"),
    ]


def test_a_follower_that_resumes_receives_missed_events_once(store, stream, follow, cancel) -> None:
    task = submit(store)
    _, seen = stream.snapshot(task.task_id)
    renamed = rename(store, task, "missed")
    following = follow.follow_task(task.task_id, seen)
    rename(store, renamed, "later")
    cancel(task.task_id)

    assert [told(news) for news in following] == [
        (Event.UPDATED, "missed"),
        (Event.UPDATED, "later"),
        (Event.CANCELLED, "later"),
    ]
    _, end = stream.snapshot(task.task_id)
    assert follow.follow_task(task.task_id, end) is None


def test_a_follower_holds_one_event_at_a_time_and_none_while_it_waits(
    store, stream, follow, monkeypatch
) -> None:
    task = submit(store)
    _, seen = stream.snapshot(task.task_id)
    for number in range(120):
        task = rename(store, task, f"{number}")
    following, held = follow.follow_all(EVERY_TASK, seen), list[int]()
    rename(store, task, "live")
    next_event = FakeSubscription.next

    def look_and_wait(self: FakeSubscription, seconds: float) -> TaskEvent | None:
        held.append(events_in_memory(task))
        return next_event(self, seconds)

    monkeypatch.setattr(FakeSubscription, "next", look_and_wait)

    for number in range(120):
        assert told(next(following)) == (Event.UPDATED, f"{number}")
        if number % 25 == 0:
            assert events_in_memory(task) <= 1
    assert told(next(following)) == (Event.UPDATED, "live")
    assert next(following) is Notice.QUIET
    assert held == [0, 0]


def events_in_memory(task: Task) -> int:
    """Count the events of a task. Those of other tests' tasks may still be there."""
    events = [each for each in gc.get_objects() if isinstance(each, TaskEvent)]
    return sum(event.task.task_id == task.task_id for event in events)


def test_a_follower_that_resumes_too_late_receives_a_gap_and_snapshots(
    store, stream, follow
) -> None:
    task = submit(store)
    rename(store, task, "new")
    stream.dropped = 2

    assert first(follow.follow_task(task.task_id, "1-0"), 2) == [Notice.GAP, ("snapshot", "new")]


def test_a_follower_of_all_receives_the_matching_tasks(store, follow, cancel) -> None:
    submit(store, task_name="other")
    mine = submit(store, task_name="mine", queue="mine")
    following = follow.follow_all(TaskFilter(queue="mine"), None)
    submit(store, task_name="another")
    cancel(mine.task_id)

    assert first(following, 3) == [("snapshot", "mine"), (Event.CANCELLED, "mine"), Notice.QUIET]


def test_a_gap_during_the_stream_is_followed_by_snapshots(
    store, stream, follow, monkeypatch
) -> None:
    task = submit(store)
    following = follow.follow_task(task.task_id, None)
    assert first(following, 1) == [("snapshot", "test")]
    rename(store, task, "lost")

    def lost(self: Subscription, seconds: float) -> None:
        raise StreamGap("2-0")

    monkeypatch.setattr("tests.fakes.event_stream.FakeSubscription.next", lost)
    assert first(following, 2) == [Notice.GAP, ("snapshot", "lost")]


def test_unreadable_history_is_a_gap_and_the_stream_goes_on_from_the_present(
    store, stream, follow, cancel, monkeypatch
) -> None:
    task = submit(store)
    _, seen = stream.snapshot(task.task_id)
    renamed = rename(store, task, "lost")

    def unreadable(
        after: str, until: str, task_id: str | None, *, limit: int
    ) -> Iterator[TaskEvent]:
        raise StreamGap(until)

    monkeypatch.setattr(stream, "between", unreadable)
    one, every = follow.follow_task(task.task_id, seen), follow.follow_all(EVERY_TASK, seen)
    cancel(renamed.task_id)

    assert [told(news) for news in one] == [Notice.GAP, ("snapshot", "lost")]
    assert first(every, 3) == [Notice.GAP, ("snapshot", "lost"), (Event.CANCELLED, "lost")]
    assert first(follow.follow_task(task.task_id, seen), 2) == [Notice.GAP, ("snapshot", "lost")]


def test_a_follower_that_is_too_slow_receives_a_gap_and_ends(store, follow, monkeypatch) -> None:
    submit(store)
    following = follow.follow_all(EVERY_TASK, None)
    assert first(following, 1) == [("snapshot", "test")]

    def too_slow(self: Subscription, seconds: float) -> None:
        raise FollowerTooSlow

    monkeypatch.setattr("tests.fakes.event_stream.FakeSubscription.next", too_slow)
    assert [told(news) for news in following] == [Notice.GAP]


def test_snapshots_are_read_when_their_turn_comes(store, follow, cancel, monkeypatch) -> None:
    tasks = [submit(store, task_name=f"{number}") for number in range(30)]
    asked: list[int] = []
    get_many = store.get_many
    monkeypatch.setattr(store, "get_many", lambda ids: asked.append(len(ids)) or get_many(ids))
    following = follow.follow_all(TaskFilter(statuses=frozenset({Status.QUEUED})), None)
    cancel(tasks[25].task_id)
    store.remove(tasks[26])

    assert first(following, 5) == [("snapshot", f"{number}") for number in range(5)]
    assert asked == [10]
    rest = [("snapshot", f"{number}") for number in range(5, 30) if number not in {25, 26}]
    assert first(following, len(rest)) == rest
    assert asked == [10, 10, 10]


def test_a_stream_ends_with_its_process_and_leaves_no_subscription(store, stream, follow) -> None:
    following = follow.follow_all(EVERY_TASK, None)
    stream.close()

    assert list(following) == []
    following.close()
    assert stream.followers == 0
    with pytest.raises(StoreUnavailable):
        follow.follow_all(EVERY_TASK, None)


def test_an_unavailable_store_raises_before_the_first_item(store, stream, follow) -> None:
    task = submit(store)
    store.away = True

    for start in (
        lambda: follow.follow_all(EVERY_TASK, None),
        lambda: follow.follow_task(task.task_id, None),
    ):
        with pytest.raises(StoreUnavailable):
            start()
    assert stream.followers == 0


def test_a_stream_ends_when_its_task_leaves_those_of_the_caller(store, stream, clock) -> None:
    follow = FollowTasks(store, stream, clock, store, TeamA())
    task = submit(store, labels={"team": "a"})
    following = follow.follow_task(task.task_id, None, log_after=0)
    assert first(following, 1) == [("snapshot", "test")]
    moved = store.save(Change(before=task, after=task.patch(TaskPatch({"labels": {"team": "b"}}))))
    rename(store, moved, "secret")

    assert list(following) == []


def test_an_unknown_task_cannot_be_followed(follow) -> None:
    with pytest.raises(TaskNotFound):
        follow.follow_task("nonsense", None)
