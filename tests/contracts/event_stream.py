"""The contract of EventStream, inherited by the tests of its fake and of its adapter."""

from datetime import UTC, datetime

import pytest

from application.ports.event_stream import EventStream, StreamEnded, Subscription
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.events import Event
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.storing import claim, submit

SOON = 60.0
"""Seconds that only a test that fails waits for."""
NOT_LONG = 0.05
LONG = "x" * 4_097


def told(subscription: Subscription, number: int) -> list[tuple[Event, Task]]:
    events = [subscription.next(SOON) for _ in range(number)]
    assert all(events), "an event did not come"
    return [(event.event, event.task) for event in events if event]


def drain(subscription: Subscription) -> None:
    while subscription.next(SOON):
        pass


class EventStreamContract:
    def test_a_follower_of_all_tasks_receives_every_event(
        self, repository: TaskRepository, leases: TaskLeases, stream: EventStream
    ) -> None:
        submit(repository)
        with stream.subscribe() as subscription:
            second = submit(repository)
            run = claim(leases)
            done = repository.save(
                Change(before=run, after=run.complete("done", datetime.now(UTC)))
            )
            repository.remove(done)

            assert told(subscription, 4) == [
                (Event.SUBMITTED, second),
                (Event.STARTED, run),
                (Event.COMPLETED, done),
                (Event.DELETED, done),
            ]

    def test_the_lag_is_the_age_of_the_first_event_that_was_not_read(
        self, repository: TaskRepository, stream: EventStream
    ) -> None:
        submit(repository)
        _, position = stream.snapshot(submit(repository).task_id)
        assert stream.lag(position) == 0

        submit(repository)

        while not stream.lag(position):
            pass  # a millisecond passes
        assert stream.lag(position) < 60
        with pytest.raises(ValueError, match=r"position|unpack"):
            stream.lag("nowhere")

    def test_a_follower_of_one_task_receives_only_its_events(
        self, repository: TaskRepository, stream: EventStream
    ) -> None:
        mine, other = submit(repository), submit(repository)
        with stream.subscribe(mine.task_id) as subscription:
            repository.remove(other)
            renamed = repository.save(
                Change(before=mine, after=mine.patch(TaskPatch({"task_name": "new"})))
            )

            assert told(subscription, 1) == [(Event.UPDATED, renamed)]
            assert subscription.next(NOT_LONG) is None

    def test_many_follow_one_task(self, repository: TaskRepository, stream: EventStream) -> None:
        task = submit(repository)
        followers = [stream.subscribe(task.task_id) for _ in range(3)]

        repository.remove(task)

        assert [told(follower, 1) for follower in followers] == [[(Event.DELETED, task)]] * 3

    def test_earlier_events_can_be_read_from_a_position_on(
        self, repository: TaskRepository, stream: EventStream
    ) -> None:
        first = submit(repository)
        _, beginning = stream.snapshot(first.task_id)
        second = submit(repository)
        renamed = repository.save(
            Change(before=first, after=first.patch(TaskPatch({"task_name": "new"})))
        )
        with stream.subscribe() as subscription:
            submit(repository)

            past = list(stream.between(beginning, subscription.position, None, limit=10))

        assert [(event.event, event.task) for event in past] == [
            (Event.SUBMITTED, second),
            (Event.UPDATED, renamed),
        ]
        [later] = stream.between(past[0].position, past[1].position, None, limit=10)
        assert later.task == renamed
        assert len(list(stream.between(beginning, past[1].position, None, limit=1))) == 1
        only = stream.between(beginning, past[1].position, first.task_id, limit=10)
        assert [event.task for event in only] == [renamed]

    def test_a_snapshot_has_the_position_after_which_its_events_follow(
        self, repository: TaskRepository, stream: EventStream
    ) -> None:
        task = submit(repository)

        seen, position = stream.snapshot(task.task_id)

        assert seen == task
        repository.remove(task)
        gone, later = stream.snapshot(task.task_id)
        assert gone is None
        assert [event.event for event in stream.between(position, later, None, limit=10)] == [
            Event.DELETED
        ]
        assert stream.snapshot("nonsense")[0] is None

    def test_events_and_snapshots_omit_long_members_and_name_them(
        self, repository: TaskRepository, leases: TaskLeases, stream: EventStream
    ) -> None:
        with stream.subscribe() as subscription:
            submit(repository, type="http", payload={"body": LONG})
            run = claim(leases)
            done = repository.save(Change(before=run, after=run.complete(LONG, datetime.now(UTC))))
            events = [task for _, task in told(subscription, 3)]

        seen, _ = stream.snapshot(run.task_id)

        assert [task.omitted for task in (*events, seen)] == [
            ("payload",),
            ("payload",),
            ("payload", "result"),
            ("payload", "result"),
        ]
        assert seen == events[-1]
        assert (dict(seen.spec.payload), seen.result, seen.status) == ({}, None, done.status)

    def test_only_stored_positions_can_be_resumed(
        self, repository: TaskRepository, stream: EventStream
    ) -> None:
        _, position = stream.snapshot(submit(repository).task_id)

        assert stream.can_resume_after(position)
        assert not stream.can_resume_after("9999999999999-0")
        assert not stream.can_resume_after(f"9999999999999-{2**64}")
        for text in ("", "x", "1", "1-x", "-", "1-2-3"):
            with pytest.raises(ValueError):  # noqa: PT011 - its message is not promised
                stream.can_resume_after(text)

    def test_all_subscriptions_end_when_the_stream_is_closed(
        self, repository: TaskRepository, stream: EventStream
    ) -> None:
        followers = [stream.subscribe(), stream.subscribe(submit(repository).task_id)]

        stream.close()

        for follower in followers:
            with pytest.raises(StreamEnded):
                drain(follower)
        with pytest.raises(StreamEnded):
            stream.subscribe()
