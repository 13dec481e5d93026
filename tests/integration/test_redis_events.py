"""The stream of events in Redis keeps its contract, and some promises of its own."""

import re
from collections.abc import Iterable, Iterator
from threading import current_thread

import pytest
import redis
from redis.connection import AbstractConnection

from adapters.redis.connection import connect_blocking
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.id_codec import id_bytes
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StaleTask, StoreUnavailable
from application.ports.event_stream import FollowerTooSlow, StreamGap
from application.ports.task_repository import Change
from domain.events import Event
from domain.task import Task
from tests.building import a_task
from tests.contracts.event_stream import SOON, EventStreamContract, told
from tests.integration.waiting import wait_until
from tests.storing import claim, rename, submit


class TestRedisEventStream(EventStreamContract):
    @pytest.fixture
    def stream(self, redis_store: RedisStore, redis_url: str) -> Iterator[RedisEventStream]:
        stream = RedisEventStream(redis_store, connect_blocking(redis_url))
        yield stream
        stream.close()

    def test_an_event_that_was_dropped_cannot_be_resumed(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        _, first = stream.snapshot(submit(repository).task_id)
        submit(repository), submit(repository)
        assert stream.can_resume_after(first)
        assert stream.can_resume_after("0-0")

        client.xtrim("tm:events", maxlen=1, approximate=False)

        assert not stream.can_resume_after(first)
        assert not stream.can_resume_after("0-0")

    def test_followers_receive_the_events_of_a_time_without_connection(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        with stream.subscribe() as subscription:
            first = submit(repository)
            assert told(subscription, 1) == [(Event.SUBMITTED, first)]
            client.client_kill_filter(_type="normal", skipme=True)
            second = a_task()
            wait_until(lambda: _saved(repository, second))

            assert told(subscription, 1)[0][1].task_id == second.task_id

    def test_followers_learn_that_they_lost_events(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        with stream.subscribe() as subscription:
            told_of = submit(repository)
            assert told(subscription, 1) == [(Event.SUBMITTED, told_of)]
            client.delete("tm:events")
            client.client_kill_filter(_type="normal", skipme=True)

            with pytest.raises(StreamGap):
                subscription.next(SOON)

    @pytest.mark.parametrize("kept", [1, 0])
    def test_reading_past_events_of_which_some_were_dropped_raises_a_gap(
        self,
        repository: RedisTaskRepository,
        stream: RedisEventStream,
        client: redis.Redis,
        kept: int,
    ) -> None:
        task = submit(repository)
        _, first = stream.snapshot(task.task_id)
        submit(repository)
        _, last = stream.snapshot(submit(repository).task_id)
        assert len(list(stream.between(first, last, None, limit=10))) == 2

        client.xtrim("tm:events", maxlen=kept, approximate=False)

        for task_id in (None, task.task_id):
            with pytest.raises(StreamGap) as gap:
                list(stream.between(first, last, task_id, limit=10))
            assert gap.value.position == last

    def test_followers_learn_that_events_were_dropped_before_they_were_read(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        told_of = submit(repository)
        ((_, fields),) = client.xrevrange("tm:events", count=1)
        with stream.subscribe() as all_tasks, stream.subscribe(told_of.task_id) as one:
            with client.pipeline(transaction=True) as burst:
                for _ in range(3):
                    burst.xadd("tm:events", fields, maxlen=1, approximate=False)
                last = burst.execute()[-1].decode()

            for subscription in (all_tasks, one):
                with pytest.raises(StreamGap) as gap:
                    subscription.next(SOON)
                assert gap.value.position == last
            next_one = submit(repository)
            assert told(all_tasks, 1) == [(Event.SUBMITTED, next_one)]

    def test_reading_events_and_checking_for_dropped_ones_is_one_round_trip(
        self,
        repository: RedisTaskRepository,
        stream: RedisEventStream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sent_by_reader: list[bytes] = []
        send = AbstractConnection.send_packed_command

        def record(
            connection: AbstractConnection, command: Iterable[bytes], **options: bool
        ) -> None:
            if current_thread().name == "event-reader":
                sent_by_reader.append(b"".join(command))
            send(connection, command, **options)

        monkeypatch.setattr(AbstractConnection, "send_packed_command", record)
        with stream.subscribe() as subscription:
            for _ in range(3):
                task = submit(repository)
                assert told(subscription, 1) == [(Event.SUBMITTED, task)]

        reads = [sent for sent in sent_by_reader if re.search(b"XREAD|XINFO|EXISTS", sent)]
        assert len(reads) >= 3
        assert all(b"XREAD" in sent and b"XINFO" in sent for sent in reads)

    def test_a_batch_is_read_in_few_round_trips(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        mine = submit(repository)
        with stream.subscribe(mine.task_id) as subscription:
            client.config_resetstat()
            repository.add([a_task() for _ in range(1_000)])
            repository.save(rename(mine, "new"))
            assert told(subscription, 1)[0][0] is Event.UPDATED

        assert client.info("commandstats")["cmdstat_xread"]["calls"] <= 5

    def test_a_follower_that_never_reads_is_dropped(
        self,
        repository: RedisTaskRepository,
        stream: RedisEventStream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("adapters.redis.subscription.MAX_WAITING_EVENTS", 3)
        with stream.subscribe() as slow, stream.subscribe() as quick:
            for _ in range(5):
                submit(repository)
                assert quick.next(SOON)
            for _ in range(2):
                with pytest.raises(FollowerTooSlow):
                    slow.next(SOON)

    def test_the_bytes_that_wait_for_a_follower_are_bounded(
        self,
        repository: RedisTaskRepository,
        stream: RedisEventStream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("adapters.redis.subscription.MAX_WAITING_BYTES", 100_000)
        payload = {"body": "x" * 4_000}
        with stream.subscribe() as slow, stream.subscribe() as quick:
            for _ in range(25):
                submit(repository, type="http", payload=payload)
                assert quick.next(SOON)
            with pytest.raises(FollowerTooSlow):
                slow.next(SOON)
            assert (slow.waiting_bytes, len(slow._waiting)) == (0, 0)
            submit(repository)
            assert quick.next(SOON)
            assert quick.waiting_bytes == 0

    @pytest.mark.parametrize(
        "old",
        [
            {
                "event": "task.submitted",
                "s": "QUEUED",
                "v": "1",
                "u": "1768287189125",
                "d": '{"n":"test","d":3}',
            },
            {"event": "task.submitted", "record": "s\0QUEUED"},
            {"event": "task.submitted", "record": "not a record"},
            {"event": "task.danced", "record": "s\0QUEUED\0v\x001\0u\x001\0d\0{}"},
            {"nothing": "of ours"},
            {"event": b"\xff", "record": b"\xff\0\xff"},
        ],
        ids=[
            "fields of the record",
            "a part of it",
            "damaged",
            "unknown event",
            "neither",
            "no text",
        ],
    )
    def test_an_unreadable_event_is_a_gap_for_the_followers_of_its_task(
        self,
        repository: RedisTaskRepository,
        stream: RedisEventStream,
        client: redis.Redis,
        old: dict[str, str],
    ) -> None:
        mine, other = submit(repository), submit(repository)
        _, before = stream.snapshot(mine.task_id)
        with (
            stream.subscribe() as all_tasks,
            stream.subscribe(mine.task_id) as one,
            stream.subscribe(other.task_id) as another,
        ):
            position = client.xadd("tm:events", {"id": id_bytes(mine.task_id), **old}).decode()
            renamed = repository.save(rename(other, "new"))

            for subscription in (all_tasks, one):
                with pytest.raises(StreamGap) as gap:
                    subscription.next(SOON)
                assert gap.value.position == position
            assert told(all_tasks, 1) == told(another, 1) == [(Event.UPDATED, renamed)]
            repository.save(rename(mine, "newer"))
            assert [event for event, _ in told(one, 1)] == [Event.UPDATED]
        with pytest.raises(StreamGap):
            list(stream.between(before, position, None, limit=10))
        with pytest.raises(StreamGap):
            list(stream.between(before, position, mine.task_id, limit=10))
        assert list(stream.between(before, position, other.task_id, limit=10)) == []
        _, end = stream.snapshot(mine.task_id)
        assert len(list(stream.between(position, end, None, limit=10))) == 2

    def test_an_event_without_a_task_is_a_gap_for_all_followers(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        mine = submit(repository)
        _, before = stream.snapshot(mine.task_id)
        with stream.subscribe() as all_tasks, stream.subscribe(mine.task_id) as one:
            position = client.xadd(
                "tm:events", {"event": "task.submitted", "record": "s\0QUEUED"}
            ).decode()

            for subscription in (all_tasks, one):
                with pytest.raises(StreamGap):
                    subscription.next(SOON)
        with pytest.raises(StreamGap):
            list(stream.between(before, position, mine.task_id, limit=10))

    def test_an_event_omits_a_long_payload_and_names_it(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, stream: RedisEventStream
    ) -> None:
        long, short = "x" * 4_097, "y" * 4_000
        with stream.subscribe() as subscription:
            submit(repository, type="http", payload={"body": long})
            run = claim(leases)
            assert run.spec.payload == {"body": long}
            repository.save(Change(before=run, after=run.complete(long, run.started_at)))
            submit(repository, type="http", payload={"body": short})
            events = [subscription.next(SOON) for _ in range(4)]

        assert [event.task.omitted for event in events] == [
            ("payload",),
            ("payload",),
            ("payload", "result"),
            (),
        ]
        assert [dict(event.task.spec.payload) for event in events] == [{}, {}, {}, {"body": short}]
        assert repository.get(run.task_id).result == long


def _saved(repository: RedisTaskRepository, task: Task) -> bool:
    try:
        return bool(repository.add([task]))
    except StaleTask:
        return True
    except StoreUnavailable:
        return False
