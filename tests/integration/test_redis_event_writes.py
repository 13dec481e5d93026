"""Each change of a task appends an event with the record as it was then."""

from datetime import UTC, datetime

import redis

from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.run_log import RedisRunLog
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import decode, unpack_record
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from domain.task_state import Progress
from tests.integration.conftest import EVENTS_KEPT
from tests.storing import claim, submit


class TestEvents:
    def test_each_change_appends_an_event_with_the_task_as_it_was_then(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        redis_store: RedisStore,
        client: redis.Redis,
    ) -> None:
        submit(repository)
        run = claim(leases)
        RedisRunLog(redis_store, EVENTS_KEPT).append(run, progress=Progress(fraction=0.5))
        done = repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))
        repository.remove(done)

        events = [fields for _, fields in client.xrange("tm:events")]

        assert [event[b"event"] for event in events] == [
            b"task.submitted",
            b"task.started",
            b"task.progress",
            b"task.completed",
            b"task.deleted",
        ]
        told = [decode(event[b"id"], unpack_record(event[b"record"])) for event in events]
        assert [task.status for task in told] == [
            "QUEUED",
            "PROCESSING",
            "PROCESSING",
            "COMPLETED",
            "COMPLETED",
        ]
        assert (told[1], told[3].result) == (run, "done")
        assert told[2].progress == Progress(fraction=0.5)

    def test_the_stream_is_trimmed(
        self, redis_store: RedisStore, wake_up_factory: WakeUpFactory, client: redis.Redis
    ) -> None:
        repository = RedisTaskRepository(redis_store, wake_up_factory.wake_up_of, events_kept=100)

        for _ in range(500):
            submit(repository)

        assert 100 <= client.xlen("tm:events") < 300
