"""The lines of a task's log among its events."""

from itertools import islice

import pytest

from application.ports.callers import Anyone
from application.ports.run import LogLine
from application.ports.task_repository import Change
from application.use_cases.tasks.follow_tasks import FollowTasks
from application.use_cases.tasks.following import Following, News, Notice, Snapshot
from tests.building import AN_ERROR
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, completed, submit


@pytest.fixture
def follow(store: FakeTaskStore, clock: FakeClock) -> FollowTasks:
    return FollowTasks(store, FakeEventStream(store, clock), clock, store, Anyone())


def told(news: News) -> object:
    if isinstance(news, LogLine):
        return news.number
    if isinstance(news, Notice):
        return news
    return "snapshot" if isinstance(news, Snapshot) else news.event.value


def first(following: Following, number: int) -> list[object]:
    return [told(news) for news in islice(following, number)]


def test_lines_come_while_the_task_runs_and_all_of_them_before_its_end(
    store: FakeTaskStore, follow: FollowTasks
) -> None:
    submit(store)
    run = claim(store)
    store.append(run, lines=["one"])
    following = follow.follow_task(run.task_id, None, log_after=0)
    assert following
    assert first(following, 2) == [1, "snapshot"]

    store.append(run, lines=["two", "three"])
    assert first(following, 2) == [2, 3]
    store.append(run, lines=["four"])
    end = Change(before=run, after=run.fail(AN_ERROR, run.started_at), log="It failed.")
    store.save(end)

    assert [told(news) for news in following] == [4, 5, "task.failed"]


def test_a_follower_that_resumes_gets_each_line_once(
    store: FakeTaskStore, follow: FollowTasks
) -> None:
    submit(store)
    run = claim(store)
    store.append(run, lines=["one", "two", "three"])
    store.save(completed(run))

    following = follow.follow_task(run.task_id, "1-0", log_after=2)

    assert following
    assert [told(news) for news in following] == [3, "task.started", "task.completed"]
    assert follow.follow_task(run.task_id, "3-0", log_after=3) is None


def test_a_waiting_task_is_not_looked_at_twice_a_second(
    store: FakeTaskStore, follow: FollowTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(store, "lines", lambda *given, **_: looks.append(given) or [])
    following = follow.follow_task(submit(store).task_id, None, log_after=0)
    assert following

    assert first(following, 3) == ["snapshot", Notice.QUIET, Notice.QUIET]
    assert len(looks) == 3
    claim(store)
    assert first(following, 2) == ["task.started", Notice.QUIET]
    assert 30 <= len(looks) <= 40


def test_without_the_wish_no_line_comes(store: FakeTaskStore, follow: FollowTasks) -> None:
    submit(store)
    run = claim(store)
    store.append(run, lines=["one"])
    store.save(completed(run))

    following = follow.follow_task(run.task_id, None)

    assert following
    assert [told(news) for news in following] == ["snapshot"]
