"""The Redis adapters keep the contracts of their ports, and some promises of their own."""

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from threading import Event as Signal
from threading import Thread, current_thread
from types import SimpleNamespace

import pytest
import redis
from redis.connection import AbstractConnection

from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.redis import keys
from adapters.redis.clock import RedisClock
from adapters.redis.connection import connect, connect_blocking
from adapters.redis.effects import Effects
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.idempotency_records import RedisIdempotencyRecords
from adapters.redis.indexes import PRIORITY_STEP
from adapters.redis.outbox import RedisOutbox
from adapters.redis.queues import RedisQueues
from adapters.redis.replies import milliseconds
from adapters.redis.run_log import RedisRunLog
from adapters.redis.save_script import SaveReply, SaveScript
from adapters.redis.statistics import RedisStatistics
from adapters.redis.store import MAX_CONNECTIONS, RedisStore
from adapters.redis.store_probe import RedisStoreProbe
from adapters.redis.task_codec import RANK, decode, id_bytes, unpack_record
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StaleTask, StoreFull, StoreUnavailable, TooManyQueues
from application.ports.event_stream import FollowerTooSlow, StreamGap
from application.ports.heartbeats import ServiceProcess
from application.ports.run import MAX_LOG_BYTES
from application.ports.task_repository import Change, PageRequest
from application.task_filter import TaskFilter
from application.use_cases.maintenance.guard_capacity import GuardCapacity
from application.use_cases.operations.check_store import CheckStore
from domain.events import Event
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Progress, Task
from domain.task_spec import TaskPatch
from domain.webhook import DeliveryAttempt
from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.building import a_task
from tests.contracts.clock import ClockContract
from tests.contracts.event_stream import SOON, EventStreamContract, told
from tests.contracts.heartbeats import HeartbeatsContract, a_process
from tests.contracts.idempotency_records import IdempotencyRecordsContract
from tests.contracts.outbox import OutboxContract, cancelled
from tests.contracts.queues import QueuesContract
from tests.contracts.run_log import RunLogContract
from tests.contracts.statistics import StatisticsContract
from tests.contracts.store_probe import StoreProbeContract
from tests.contracts.task_leases import TaskLeasesContract, claim
from tests.contracts.task_repository import TaskRepositoryContract, rename, submit
from tests.integration.conftest import EVENTS_KEPT
from tests.integration.waiting import wait_until

MADE_BY_THE_SCRIPT = {
    f"cmdstat_{name}"
    for name in (
        "time",
        "exists",
        "hget",
        "hset",
        "hgetall",
        "zadd",
        "zcard",
        "incr",
        "sadd",
        "llen",
        "scard",
        "xlen",
        "lpush",
        "xadd",
        "sismember",
        "hincrby",
    )
}
KEY, OTHER = b"one", b"other"


class TestRedisTaskRepository(TaskRepositoryContract):
    def test_a_submit_is_one_round_trip(self, repository: RedisTaskRepository, client: redis.Redis) -> None:
        submit(repository)
        before = client.info("commandstats")

        submit(repository)

        after = client.info("commandstats")
        calls = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
        assert calls.pop("cmdstat_evalsha") == 1
        assert {name for name, number in calls.items() if number} == {
            "cmdstat_info",
            *MADE_BY_THE_SCRIPT,
        }

    def test_a_small_task_is_kept_as_a_listpack(self, repository: RedisTaskRepository, client: redis.Redis) -> None:
        submit(repository, task_name="n" * 200)

        (key,) = client.scan_iter(b"tm:task:*")

        assert client.object("encoding", key) == b"listpack"

    def test_nothing_of_a_removed_task_stays_but_counters(
        self, repository: RedisTaskRepository, wake_ups: CeleryWakeUps, client: redis.Redis
    ) -> None:
        repository.remove(submit(repository))
        wake_ups.top_up_all()
        wake_ups.forget_unused()

        left = {key.decode() for key in client.scan_iter() if not key.startswith(b"tm:minute:")}

        assert left == {"tm:sequence", "tm:types", "tm:events"}

    def test_parallel_submits_do_not_name_more_queues_than_there_may_be(
        self, redis_store: RedisStore, wake_up_factory: WakeUpFactory, client: redis.Redis
    ) -> None:
        limited = RedisTaskRepository(redis_store, wake_up_factory.wake_up_of, EVENTS_KEPT, 10, ("own",))
        refused: list[str] = []

        def submit_to(queue: str) -> None:
            try:
                submit(limited, queue=queue)
            except TooManyQueues:
                refused.append(queue)

        threads = [Thread(target=submit_to, args=(f"q{number}",)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (client.scard("tm:queues"), len(refused)) == (10, 20)
        submit(limited, queue=client.srandmember("tm:queues").decode())
        submit(limited, queue="own")

    def test_a_batch_that_names_too_many_queues_is_refused_whole_with_their_places(
        self, redis_store: RedisStore, wake_up_factory: WakeUpFactory, client: redis.Redis
    ) -> None:
        limited = RedisTaskRepository(redis_store, wake_up_factory.wake_up_of, EVENTS_KEPT, 2)
        task = submit(limited, queue="a")

        with pytest.raises(TooManyQueues, match="allowed \\(2\\)") as refusal:
            limited.add([a_task(queue=queue) for queue in ("a", "b", "a", "c", "b")])

        assert (refusal.value.places, client.smembers("tm:queues")) == ([1, 3, 4], {b"a"})
        limited.add([a_task(queue=queue) for queue in ("a", "b", "b")])
        with pytest.raises(TooManyQueues):
            limited.save(Change(before=task, after=task.patch(TaskPatch({"queue": "c"}))))

    def test_entries_that_a_transition_put_back_meanwhile_are_not_dropped(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        client: redis.Redis,
        monkeypatch,
    ) -> None:
        submit(repository, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
        run = claim(leases)
        client.zadd("tm:expiring", {client.zrange("tm:leases", 0, 0)[0]: 1})
        run_each = SaveScript.run_each

        def hand_back_first(save: SaveScript, effects: list[Effects]) -> list[object]:
            monkeypatch.setattr(SaveScript, "run_each", run_each)
            repository.save(Change(before=run, after=run.stop(datetime.now(UTC))))
            return run_each(save, effects)

        monkeypatch.setattr(SaveScript, "run_each", hand_back_first)

        assert list(repository.expiring(limit=10)) == []
        assert client.zcard("tm:expiring") == 1


class TestRedisTaskLeases(TaskLeasesContract):
    def test_a_claim_looks_at_a_bounded_number_of_expired_tasks_and_wakes_the_next(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        for _ in range(250):
            submit(repository, expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        client.delete("task-manager.work.default")

        assert [(claim(leases), client.zcard("tm:waiting:default")) for _ in range(2)] == [
            (None, 150),
            (None, 50),
        ]
        assert client.llen("task-manager.work.default") == 16

    def test_each_claim_puts_back_the_wake_up_that_led_to_it_while_more_tasks_wait(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        for _ in range(20):
            submit(repository)

        left = []
        for number in range(20):
            client.rpop("task-manager.work.default")
            claim(leases, owner=f"a:{number}")
            left.append(client.llen("task-manager.work.default"))

        assert left == [min(waiting, 16) for waiting in reversed(range(20))]

    def test_a_task_that_does_not_wait_is_not_started_though_its_queue_names_it(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        cancelled, running, good = submit(repository), submit(repository), submit(repository)
        repository.save(Change(before=cancelled, after=cancelled.cancel(datetime.now(UTC))))
        assert claim(leases, owner="other:1").task_id == running.task_id
        leftovers = {id_bytes(task.task_id): 1 for task in (cancelled, running)}
        client.zadd("tm:waiting:default", leftovers)

        assert claim(leases).task_id == good.task_id

    def test_an_owner_is_not_given_a_run_that_another_owner_has_taken_over(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        submit(repository)
        run = claim(leases, owner="other:1")
        client.hset("tm:held", "a:1", b"1 " + id_bytes(run.task_id) + b"default")

        assert claim(leases, owner="a:1", claim_id="1") is None
        assert client.hkeys("tm:held") == [b"other:1"]

    @pytest.mark.parametrize("value", ["many", 2**63 - 1])
    def test_a_task_keeps_its_place_while_the_counter_of_claims_is_damaged(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        client: redis.Redis,
        value: str | int,
    ) -> None:
        task = submit(repository)
        place = client.zrange("tm:waiting:default", 0, -1, withscores=True)
        client.set("tm:claims", value)

        with pytest.raises(redis.ResponseError, match=r"increment|integer"):
            claim(leases)

        assert client.zrange("tm:waiting:default", 0, -1, withscores=True) == place
        client.delete("tm:claims")
        assert claim(leases).task_id == task.task_id

    def test_a_damaged_record_keeps_no_other_task_from_being_listed_or_watched(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        damaged, whole = submit(repository), submit(repository)
        for number in ("1", "2"):
            leases.claim("default", owner=f"a:{number}", claim_id=number)
        client.hset(b"tm:task:" + id_bytes(damaged.task_id), "d", b"{")

        assert [task.task_id for task in leases.held_by(["a:1", "a:2"])] == [whole.task_id]
        assert [task.task_id for task in repository.find(TaskFilter(), PageRequest()).tasks] == [whole.task_id]
        assert [task.task_id for task in repository.get_many([damaged.task_id, whole.task_id])] == [whole.task_id]
        with pytest.raises(ValueError, match="Expecting"):
            repository.get(damaged.task_id)

    @pytest.mark.parametrize("damage", ["not a record", "wrong type"])
    def test_a_damaged_task_at_the_head_of_a_queue_does_not_hold_up_the_worker(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        client: redis.Redis,
        damage: str,
    ) -> None:
        submit(repository)
        [record] = client.scan_iter("tm:task:*")
        if damage == "wrong type":
            client.delete(record)
            client.set(record, "text")
        else:
            client.hset(record, "d", "no JSON")
        good = submit(repository)

        claims = (claim(leases, claim_id=str(number)) for number in range(2))

        assert next(run for run in claims if run).task_id == good.task_id

    def test_a_claim_takes_the_task_out_of_the_expiring_ones(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        submit(repository, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
        assert client.zcard("tm:expiring") == 1

        claim(leases)

        assert client.zcard("tm:expiring") == 0

    def test_after_the_servers_clock_stepped_no_lease_is_called_expired(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        let_leases_run_out: Callable[[], None],
    ) -> None:
        submit(repository)
        lost = claim(leases)
        leases.expired(limit=10)
        let_leases_run_out()
        leases._quarantine._offset -= 30  # as if the server's clock had been set forward by so much

        assert list(leases.expired(limit=10)) == []
        assert wait_until(lambda: leases.expired(limit=10)) == [lost]

    def test_a_server_that_has_just_started_has_no_expired_leases(
        self,
        repository: RedisTaskRepository,
        redis_store: RedisStore,
        wake_up_factory: WakeUpFactory,
        client: redis.Redis,
    ) -> None:
        submit(repository)
        longer_than_the_server_is_up = timedelta(days=365)
        leases = RedisTaskLeases(
            redis_store,
            repository,
            wake_up_factory.wake_up_of,
            longer_than_the_server_is_up,
            EVENTS_KEPT,
        )
        claim(leases)
        client.zadd("tm:leases", {client.zrange("tm:leases", 0, 0)[0]: 1})

        assert list(leases.expired(limit=10)) == []


class TestRedisOutbox(OutboxContract):
    @pytest.fixture
    def outbox(self, redis_store: RedisStore) -> RedisOutbox:
        return RedisOutbox(redis_store)

    @pytest.fixture
    def store_clock(self, redis_store: RedisStore) -> RedisClock:
        return RedisClock(redis_store)

    @pytest.fixture
    def let_callback_leases_run_out(self, client: redis.Redis) -> Callable[[], None]:
        def wait() -> None:
            last = max(
                (score for _, score in client.zrange("tm:outbox", 0, -1, withscores=True)),
                default=0,
            )
            wait_until(lambda: milliseconds(client.time()) > last)

        return wait

    def test_a_message_that_is_no_longer_kept_leaves_the_outbox(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis
    ) -> None:
        cancelled(repository)
        [message] = client.scan_iter("tm:message:*")
        assert 7 * 86_400 < client.ttl(message) <= 8 * 86_400
        client.delete(message)

        assert list(outbox.lease(limit=10, duration=timedelta(seconds=1))) == []
        assert not client.exists("tm:outbox")

    def test_a_message_comes_at_once_behind_many_that_cannot_be_delivered(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis
    ) -> None:
        gone = [b"%016d1" % number for number in range(20)]
        damaged = [b"%016d2" % number for number in range(20)]
        for entry in damaged:
            client.set(b"tm:message:" + entry, "text")
        client.zadd("tm:outbox", dict.fromkeys([*gone, *damaged], 1))
        good = cancelled(repository)

        taken = outbox.lease(limit=3, duration=timedelta(0))

        assert [each.webhook.task.task_id for each in taken] == [good.task_id]
        assert client.zcard("tm:outbox") == 1 + len(damaged)

    @pytest.mark.parametrize("damage", ["not a record", "wrong type"])
    def test_a_message_that_cannot_be_read_rests_and_the_others_are_delivered(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis, damage: str
    ) -> None:
        cancelled(repository)
        [message] = client.scan_iter("tm:message:*")
        if damage == "wrong type":
            client.delete(message)
            client.set(message, "text")
        else:
            client.hset(message, "s", "NONSENSE")
        good = cancelled(repository)

        taken = outbox.lease(limit=10, duration=timedelta(0))

        assert [each.webhook.task.task_id for each in taken] == [good.task_id]
        assert client.zscore("tm:outbox", message.removeprefix(b"tm:message:")) > milliseconds(client.time())

    @pytest.mark.parametrize("entry", [b"", b"a", b"x" * 16 + b"NONSENSE"])
    @pytest.mark.parametrize("score", ["-inf", "1.5", "-1e300"])
    def test_an_entry_that_is_none_leaves_the_outbox_and_the_others_are_delivered(
        self,
        repository: RedisTaskRepository,
        outbox: RedisOutbox,
        client: redis.Redis,
        entry: bytes,
        score: str,
    ) -> None:
        client.execute_command("ZADD", "tm:outbox", score, entry)
        good = cancelled(repository)

        taken = outbox.lease(limit=10, duration=timedelta(0))

        assert [each.webhook.task.task_id for each in taken] == [good.task_id]
        assert client.zcard("tm:outbox") == 1

    def test_the_last_thousand_tries_are_kept_until_the_task_is_removed(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis
    ) -> None:
        task = cancelled(repository)
        now = datetime.now(UTC)
        for _ in range(1_002):
            [taken] = outbox.lease(limit=1, duration=timedelta(seconds=9))
            outbox.settle(
                taken,
                DeliveryAttempt(at=now, status=500, error=None, next_at=now - timedelta(seconds=1)),
            )

        assert [delivery.number for delivery in outbox.deliveries(task.task_id)] == list(range(3, 1_003))
        repository.remove(task)
        assert list(client.scan_iter("tm:deliveries:*")) == []


class TestRedisRunLog(RunLogContract):
    @pytest.fixture
    def run_log(self, redis_store: RedisStore) -> RedisRunLog:
        return RedisRunLog(redis_store, EVENTS_KEPT)

    def test_the_log_keeps_the_last_thousand_lines_with_time_and_attempt_until_the_task_is_removed(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        run_log: RedisRunLog,
        client: redis.Redis,
    ) -> None:
        submit(repository)
        run = claim(leases)
        for number in range(1_001):
            run_log.append(run, lines=[f"line {number}\n\x00"])

        (key,) = client.scan_iter(b"tm:log:*")
        lines = client.lrange(key, 0, -1)
        at, line = lines[-1].split(b" ", 1)
        assert len(lines) == 1_000
        assert json.loads(line) == [1, "line 1000\n\x00"]
        assert abs(int(at) / 1000 - client.time()[0]) < 60
        done = repository.save(Change(before=run, after=run.complete(None, datetime.now(UTC))))
        repository.remove(done)
        assert not client.exists(key)

    def test_a_log_of_emoji_takes_about_a_megabyte_of_redis(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        run_log: RedisRunLog,
        client: redis.Redis,
    ) -> None:
        submit(repository)
        run = claim(leases)
        for _ in range(20):
            run_log.append(run, lines=["🥁" * 2_000] * 50)

        (key,) = client.scan_iter(b"tm:log:*")
        assert client.memory_usage(key, samples=0) < 1.2 * MAX_LOG_BYTES
        size = sum(map(len, client.lrange(key, 0, -1)))
        assert int(client.hget(b"tm:task:" + id_bytes(run.task_id), "l")) == size <= MAX_LOG_BYTES
        run_log.append(run, lines=["\0" * MAX_LOG_BYTES])
        assert list(run_log.lines(run.task_id)) == []
        run_log.append(run, lines=["line"])
        assert [line.message for line in run_log.lines(run.task_id)] == ["line"]

    def test_a_log_of_an_older_version_is_read_and_bounded_from_its_next_line_on(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        run_log: RedisRunLog,
        client: redis.Redis,
    ) -> None:
        submit(repository)
        run = claim(leases)
        key = b"tm:log:" + id_bytes(run.task_id)
        client.rpush(key, *(f"1768287189125 {json.dumps([1, '🥁' * 2_000])}" for _ in range(100)))

        assert [line.message for line in run_log.lines(run.task_id)] == ["🥁" * 2_000] * 100
        run_log.append(run, lines=["new"])

        lines = client.lrange(key, 0, -1)
        assert MAX_LOG_BYTES - 30_000 < sum(map(len, lines)) <= MAX_LOG_BYTES
        assert run_log.lines(run.task_id)[-1].message == "new"


class TestRedisClock(ClockContract):
    @pytest.fixture
    def clock(self, redis_store: RedisStore) -> RedisClock:
        return RedisClock(redis_store)


class TestEvents:
    def test_each_change_is_told_with_the_task_as_it_stood_then(
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


class TestRedisStoreProbe(StoreProbeContract):
    @pytest.fixture
    def number_of_events(self, client: redis.Redis) -> Callable[[], int]:
        return lambda: client.xlen("tm:events")

    @pytest.fixture
    def probe(self, redis_store: RedisStore) -> RedisStoreProbe:
        return RedisStoreProbe(redis_store)

    @pytest.fixture(autouse=True)
    def _as_it_was(self, client: redis.Redis) -> Iterator[None]:
        yield
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")

    def test_a_store_that_keeps_everything_has_no_warnings(self, probe: RedisStoreProbe) -> None:
        assert CheckStore(probe).execute() == []

    def test_each_unsafe_setting_is_named_with_its_cure(self, probe: RedisStoreProbe, client: redis.Redis) -> None:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")

        eviction, persistence = CheckStore(probe).execute()

        assert "allkeys-lru" in eviction
        assert "noeviction" in eviction
        assert "appendonly" in persistence

    def test_a_store_that_is_nearly_full_is_closed_for_new_tasks_alone(
        self,
        probe: RedisStoreProbe,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        client: redis.Redis,
    ) -> None:
        submit(repository)
        assert not GuardCapacity(probe).execute()
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.05))

        assert GuardCapacity(probe).execute()

        with pytest.raises(StoreFull):
            submit(repository)
        run = claim(leases)
        repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))
        client.config_set("maxmemory", 0)
        assert not GuardCapacity(probe).execute()
        assert 0 < client.ttl("tm:full") <= 3

    def test_a_store_that_is_full_of_events_opens_again(
        self, probe: RedisStoreProbe, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        for number in range(1, 2_001):
            client.xadd("tm:events", {"record": "x" * 4_000}, id=f"{number}-0")
        task = submit(repository)
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        try:
            assert GuardCapacity(probe).execute()
            assert not GuardCapacity(probe).execute()
        finally:
            client.config_set("maxmemory", 0)
        kept = [entry[b"id"] for _, entry in client.xrange("tm:events") if b"id" in entry]
        assert kept == [id_bytes(task.task_id)]

    def test_a_full_store_is_closed_also_when_its_events_cannot_be_dropped(
        self, probe: RedisStoreProbe, client: redis.Redis
    ) -> None:
        client.set("tm:events", "text")
        client.config_set("maxmemory", 1_000_000)

        with pytest.raises(redis.ResponseError):
            GuardCapacity(probe).execute()

        assert client.exists("tm:full")

    def test_the_last_event_is_kept_so_that_who_has_it_is_told_nothing_again(
        self, probe: RedisStoreProbe, client: redis.Redis
    ) -> None:
        for number in range(1, 2_001):
            client.xadd("tm:events", {"record": "x" * 4_000}, id=f"{number}-0")
        client.config_set("maxmemory", 1_000_000)
        try:
            assert GuardCapacity(probe).execute()
            assert [position for position, _ in client.xrange("tm:events")] == [b"2000-0"]
        finally:
            client.config_set("maxmemory", 0)

    @pytest.mark.parametrize(
        ("free_mib", "size_mib", "on_this_host", "closed"),
        [
            (63, 100_000, True, True),
            (65, 100_000, True, False),
            (9, 200, True, True),
            (11, 200, True, False),
            (0, 100_000, False, False),
        ],
    )
    def test_a_store_whose_disk_is_nearly_full_is_closed_for_new_tasks_alone(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, redis_store: RedisStore,
        monkeypatch: pytest.MonkeyPatch, free_mib: int, size_mib: int, on_this_host: bool, closed: bool,
    ) -> None:  # fmt: skip
        probe = RedisStoreProbe(redis_store, on_this_host=on_this_host)
        submit(repository)
        disk = SimpleNamespace(f_frsize=4096, f_bavail=free_mib * 256, f_blocks=size_mib * 256)
        monkeypatch.setattr("adapters.redis.store_probe.os.statvfs", lambda _: disk)

        assert GuardCapacity(probe).execute() is closed

        if closed:
            with pytest.raises(StoreFull):
                submit(repository)
        else:
            submit(repository)
        run = claim(leases)
        repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))

    def test_a_folder_that_this_host_does_not_have_is_not_measured(
        self, redis_store: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(path: bytes) -> None:
            raise FileNotFoundError(path)

        monkeypatch.setattr("adapters.redis.store_probe.os.statvfs", missing)

        assert not GuardCapacity(RedisStoreProbe(redis_store, on_this_host=True)).execute()


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
        assert stream.keeps(first)
        assert stream.keeps("0-0")

        client.xtrim("tm:events", maxlen=1, approximate=False)

        assert not stream.keeps(first)
        assert not stream.keeps("0-0")

    def test_followers_are_told_what_happened_while_the_connection_was_lost(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        with stream.subscribe() as subscription:
            first = submit(repository)
            assert told(subscription, 1) == [(Event.SUBMITTED, first)]
            client.client_kill_filter(_type="normal", skipme=True)
            second = a_task()
            wait_until(lambda: _saved(repository, second))

            assert told(subscription, 1)[0][1].task_id == second.task_id

    def test_followers_are_told_of_events_that_they_lost(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        with stream.subscribe() as subscription:
            told_of = submit(repository)
            assert told(subscription, 1) == [(Event.SUBMITTED, told_of)]
            client.delete("tm:events")
            client.client_kill_filter(_type="normal", skipme=True)

            with pytest.raises(StreamGap):
                subscription.next(10)

    @pytest.mark.parametrize("kept", [1, 0])
    def test_a_past_of_which_events_were_dropped_is_a_gap(
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
        assert len(stream.between(first, last, None, limit=10)) == 2

        client.xtrim("tm:events", maxlen=kept, approximate=False)

        for task_id in (None, task.task_id):
            with pytest.raises(StreamGap) as gap:
                stream.between(first, last, task_id, limit=10)
            assert gap.value.position == last

    def test_followers_are_told_of_events_that_were_dropped_before_they_were_read(
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

    def test_a_read_of_events_and_the_look_for_dropped_ones_are_one_round_trip(
        self,
        repository: RedisTaskRepository,
        stream: RedisEventStream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sent_by_reader: list[bytes] = []
        send = AbstractConnection.send_packed_command

        def record(connection: AbstractConnection, command: Iterable[bytes], **options: bool) -> None:
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

    def test_what_waits_for_a_follower_that_never_reads_is_bounded_in_bytes(
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
            assert (slow._bytes, len(slow._waiting)) == (0, 0)
            submit(repository)
            assert quick.next(SOON)
            assert quick._bytes == 0

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
    def test_an_event_that_cannot_be_read_is_a_gap_for_those_whom_it_concerns_and_ends_nobody(
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
            stream.between(before, position, None, limit=10)
        with pytest.raises(StreamGap):
            stream.between(before, position, mine.task_id, limit=10)
        assert list(stream.between(before, position, other.task_id, limit=10)) == []
        assert len(stream.between(position, stream.snapshot(mine.task_id)[1], None, limit=10)) == 2

    def test_an_event_of_no_task_is_a_gap_for_everybody(
        self, repository: RedisTaskRepository, stream: RedisEventStream, client: redis.Redis
    ) -> None:
        mine = submit(repository)
        _, before = stream.snapshot(mine.task_id)
        with stream.subscribe() as all_tasks, stream.subscribe(mine.task_id) as one:
            position = client.xadd("tm:events", {"event": "task.submitted", "record": "s\0QUEUED"}).decode()

            for subscription in (all_tasks, one):
                with pytest.raises(StreamGap):
                    subscription.next(SOON)
        with pytest.raises(StreamGap):
            stream.between(before, position, mine.task_id, limit=10)

    def test_an_event_leaves_out_what_is_long_and_names_it(
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


class TestRedisQueues(QueuesContract):
    @pytest.fixture
    def queues(self, redis_store: RedisStore, wake_up_factory: WakeUpFactory) -> RedisQueues:
        return RedisQueues(redis_store, wake_up_factory.wake_up_of)

    def test_a_paused_queue_gets_no_wake_ups(
        self,
        repository: RedisTaskRepository,
        queues: RedisQueues,
        wake_ups: CeleryWakeUps,
        client: redis.Redis,
    ) -> None:
        queues.pause("default")
        submit(repository)

        assert wake_ups.top_up_all() == 0
        assert client.llen("task-manager.work.default") == 0
        queues.resume("default")
        assert wake_ups.top_up_all() == 1

    def test_a_queue_can_be_paused_and_resumed_while_redis_has_no_memory_left(
        self, queues: RedisQueues, client: redis.Redis
    ) -> None:
        client.config_set("maxmemory", 1_000_000)  # less than an empty server uses
        try:
            queues.pause("default")
            assert queues.states(["default"])[0].paused
            queues.resume("default")
            assert not queues.states(["default"])[0].paused
        finally:
            client.config_set("maxmemory", 0)

    def test_the_states_of_many_queues_take_a_bounded_number_of_round_trips(
        self, repository: RedisTaskRepository, queues: RedisQueues, client: redis.Redis, monkeypatch
    ) -> None:
        repository.add([a_task(queue=f"q{number}") for number in range(300)])
        trips = []
        execute = redis.client.Pipeline.execute
        monkeypatch.setattr(
            redis.client.Pipeline,
            "execute",
            lambda self, **options: trips.append(1) or execute(self, **options),
        )

        states = queues.states(queues.names())

        assert [state.depth for state in states] == [1] * 300
        assert None not in {state.oldest_waiting_since for state in states}
        assert len(trips) == 5

    def test_a_damaged_head_has_no_age_and_a_key_of_the_wrong_type_no_depth(
        self, repository: RedisTaskRepository, queues: RedisQueues, client: redis.Redis
    ) -> None:
        submit(repository)
        [record] = client.scan_iter("tm:task:*")
        client.hset(record, "d", "no JSON")
        client.set("tm:waiting:other", "text")

        default, other = queues.states(["default", "other"])

        assert (default.depth, default.oldest_waiting_since, other.depth) == (1, None, 0)


class TestRedisStatistics(StatisticsContract):
    @pytest.fixture
    def statistics(self, redis_store: RedisStore) -> RedisStatistics:
        return RedisStatistics(redis_store)

    def test_durations_read_no_payload_and_no_result_and_let_others_run(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        redis_store: RedisStore,
        client: redis.Redis,
    ) -> None:
        for _ in range(3):
            submit(repository)
            run = claim(leases)
            repository.save(Change(before=run, after=run.complete("result", datetime.now(UTC))))
        turns: list[int] = []
        client.config_resetstat()

        durations = RedisStatistics(redis_store, lambda: turns.append(1)).durations(tasks=10)

        assert (len(durations.run), len(turns)) == (3, 3)
        assert "cmdstat_hgetall" not in client.info("commandstats")

    def test_the_counters_of_a_minute_are_forgotten(self, repository: RedisTaskRepository, client: redis.Redis) -> None:
        submit(repository)

        (minute, *_) = client.keys("tm:minute:*")
        assert 3_600 < client.ttl(minute) <= 7_200


class TestRedisReceipts(IdempotencyRecordsContract):
    @pytest.fixture
    def idempotency_records(self, redis_store: RedisStore) -> RedisIdempotencyRecords:
        return RedisIdempotencyRecords(redis_store)

    @pytest.fixture
    def let_a_day_pass(self, client: redis.Redis) -> Callable[[], None]:
        def older() -> None:
            for name in client.zrange("tm:receipts", 0, -1):
                client.zincrby("tm:receipts", -86_400_000, name)

        return older


class TestRedisHeartbeats(HeartbeatsContract):
    @pytest.fixture
    def heartbeats(self, redis_store: RedisStore) -> RedisHeartbeats:
        return RedisHeartbeats(redis_store)

    def test_a_process_is_alive_for_15_seconds_and_forgotten_30_seconds_later(
        self, heartbeats: RedisHeartbeats, client: redis.Redis
    ) -> None:
        heartbeats.beat(a_process(name="old"))
        [old] = client.zrange("tm:alive:worker", 0, -1)
        client.zincrby("tm:alive:worker", -15_001, old)

        assert list(heartbeats.alive("worker")) == []
        assert [beat.process.name for beat in heartbeats.lately("worker")] == ["old"]
        heartbeats.beat(a_process(name="new"))
        assert client.zcard("tm:alive:worker") == 2
        client.zincrby("tm:alive:worker", -30_000, old)
        assert [beat.process.name for beat in heartbeats.lately("worker")] == ["new"]
        heartbeats.beat(a_process(name="new"))
        assert client.zcard("tm:alive:worker") == 1

    def test_a_process_ends_though_the_store_is_full(self, heartbeats: RedisHeartbeats, client: redis.Redis) -> None:
        heartbeats.beat(a_process())
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)
        try:
            heartbeats.end(a_process())
            assert list(heartbeats.alive("worker")) == []
        finally:
            client.config_set("maxmemory", before)

    @pytest.mark.parametrize("sign", [RedisHeartbeats.beat, RedisHeartbeats.end])
    def test_a_key_of_the_wrong_type_counts_as_no_heartbeats_and_the_next_one_replaces_it(
        self,
        heartbeats: RedisHeartbeats,
        client: redis.Redis,
        sign: Callable[[RedisHeartbeats, ServiceProcess], None],
    ) -> None:
        client.set("tm:alive:worker", "text")
        assert (heartbeats.alive("worker"), heartbeats.lately("worker")) == ([], [])

        sign(heartbeats, a_process(name="new"))

        assert [beat.process.name for beat in heartbeats.lately("worker")] == ["new"]

    def test_a_server_that_takes_no_writes_now_is_unavailable_also_to_a_pipeline(
        self, heartbeats: RedisHeartbeats, client: redis.Redis
    ) -> None:
        client.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(StoreUnavailable):
                heartbeats.beat(a_process())
        finally:
            client.config_set("min-replicas-to-write", 0)


class TestTheSaveScript:
    """What later capabilities build on: each effect, and that all happen or none."""

    @pytest.fixture
    def save(self, redis_store: RedisStore) -> Callable[[Effects], SaveReply]:
        return SaveScript(redis_store).run

    def test_a_key_that_must_be_absent_is_set_with_the_time_behind_its_value(self, save, client: redis.Redis) -> None:
        effects = Effects()
        effects.require_no_value(KEY)
        effects.set_dated(KEY, b"value")

        reply = save(effects)

        assert reply.saved
        assert client.get(KEY) == f"value{reply.now_ms}".encode()

    def test_a_value_is_remembered_for_its_time(self, save, client: redis.Redis) -> None:
        effects = Effects()
        effects.set_for(KEY, b"value", 60_000)

        assert save(effects).saved
        assert client.get(KEY) == b"value"
        assert 59_000 < client.pttl(KEY) <= 60_000

    def test_a_key_that_is_there_refuses_the_whole_change_and_tells_its_value(self, save, client: redis.Redis) -> None:
        client.set(KEY, "first")
        effects = Effects()
        effects.set_fields(OTHER, {"field": b"value"})
        effects.require_no_value(KEY)
        effects.set_dated(KEY, b"second")

        assert save(effects) == SaveReply(False, refused_by="require_no_value", detail=b"first")
        assert client.get(KEY) == b"first"
        assert not client.exists(OTHER)

    def test_a_key_of_the_wrong_type_refuses_the_whole_change(self, save, client: redis.Redis) -> None:
        client.set(KEY, "a string")
        effects = Effects()
        effects.set_fields(OTHER, {"field": b"value"})
        effects.push(KEY, "value")

        with pytest.raises(redis.ResponseError, match="WRONGTYPE one is of a type that has no LLEN"):
            save(effects)
        assert not client.exists(OTHER)

    def test_a_guard_on_a_key_of_the_wrong_type_refuses_the_whole_change(self, save, client: redis.Redis) -> None:
        client.set(KEY, "a string")
        effects = Effects()
        effects.set_fields(OTHER, {"field": b"value"})
        effects.require_version(KEY, 1)

        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            save(effects)
        assert not client.exists(OTHER)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["-", 0, "explode", 1, 1], "unknown write explode"),
            (["-", 3, "require_hope", 1, 1], "unknown guard require_hope"),
        ],
    )
    def test_an_unknown_word_is_an_error(self, redis_store: RedisStore, arguments: list, error: str) -> None:
        with pytest.raises(redis.ResponseError, match=error):
            redis_store.script("save")([KEY], arguments)

    def test_lists_indexes_and_fields_are_written(self, save, client: redis.Redis) -> None:
        client.hset(OTHER, mapping={"old": "x", "older": "y"})
        effects = Effects()
        effects.push(b"list", b"\x00binary")
        effects.push_dated(b"list", b"at:")
        effects.add_to_index(b"index", "scored", 7)
        effects.add_to_index(b"index", "dated")
        effects.unset_fields(OTHER, ["old", "older"])
        effects.set_time(KEY, b"field", {b"other": b"value"})

        now = save(effects).now_ms

        assert client.lrange(b"list", 0, -1) == [b"\x00binary", b"at:%d" % now]
        assert client.zrange(b"index", 0, -1, withscores=True) == [
            (b"scored", 7.0),
            (b"dated", float(now)),
        ]
        assert client.hgetall(KEY) == {b"field": b"%d" % now, b"other": b"value"}
        assert not client.exists(OTHER)

    def test_an_event_holds_the_record_as_the_change_left_it(self, save, client: redis.Redis) -> None:
        effects = Effects()
        effects.set_fields(KEY, {"s": b"QUEUED"})
        effects.append_event(b"stream", KEY, 100, "task.submitted", "member")

        save(effects)

        ((_, fields),) = client.xrange(b"stream")
        assert fields == {b"event": b"task.submitted", b"id": b"member", b"record": b"s\0QUEUED"}

    def test_effects_of_many_tasks_are_all_made_or_none(self, save, client: redis.Redis) -> None:
        client.hset(OTHER, "v", 2)
        effects = Effects()
        effects.require_version(KEY, None)
        effects.set_fields(KEY, {"v": b"1"})
        effects.require_version(OTHER, 1)
        effects.set_fields(OTHER, {"v": b"2"})

        assert save(effects).refused_by == "require_version"
        assert not client.exists(KEY)

    def test_a_million_places_and_ten_priorities_stay_apart(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        client.set("tm:sequence", 2**48)
        ids = [submit(repository, priority=0).task_id for _ in range(3)]

        assert [claim(leases, owner=f"a:{number}").task_id for number in range(3)] == ids


class TestScripts:
    def test_a_script_that_the_server_has_forgotten_is_told_to_it_again(
        self, redis_store: RedisStore, client: redis.Redis
    ) -> None:
        push = a_push(redis_store)
        push()
        client.script_flush()

        redis_store.pipeline_scripts([push.call, push.call])

        assert client.llen(KEY) == 3

    def test_scripts_that_are_flushed_again_and_again_are_sent_along(
        self, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with connect(redis_url) as own:
            load = own.script_load
            monkeypatch.setattr(own, "script_load", lambda source: (load(source), client.script_flush()))
            client.script_flush()

            RedisStore(own).pipeline_scripts([a_push(RedisStore(own)).call] * 3)

            assert client.llen(KEY) == 3

    def test_a_thread_keeps_its_connection(self, redis_url: str, client: redis.Redis) -> None:
        with connect(redis_url) as own:
            push = a_push(RedisStore(own, keep_connections=True))
            push()
            before = {each["id"] for each in client.client_list()}

            for number in range(3):
                push()
                Thread(target=push).start()
                wait_until(lambda: client.llen(KEY) == 3 + 2 * number)  # noqa: B023 - called before the next turn

            assert len({each["id"] for each in client.client_list()} - before) == 3

    def test_a_fork_does_not_share_a_kept_connection(self, redis_url: str, client: redis.Redis) -> None:
        fork = get_context("fork")
        with connect(redis_url) as own:
            push = a_push(RedisStore(own, keep_connections=True))
            push()
            before = len(client.client_list())
            over = fork.Event()
            child = fork.Process(target=lambda: (push(), over.wait(30)))
            child.start()

            wait_until(lambda: client.llen(KEY) == 2)
            connections = len(client.client_list())
            over.set()
            child.join()

            assert (connections, child.exitcode) == (before + 1, 0)

    def test_a_batch_tells_an_unknown_script_once(self, redis_store: RedisStore, client: redis.Redis) -> None:
        push = a_push(redis_store)
        client.script_flush()
        client.config_resetstat()

        redis_store.pipeline_scripts([push.call] * 20)

        assert client.llen(KEY) == 20
        assert client.info("commandstats")["cmdstat_script|load"]["calls"] == 1

    def test_a_kept_connection_that_was_closed_fails_once(self, redis_url: str, client: redis.Redis) -> None:
        with connect(redis_url) as own:
            push = a_push(RedisStore(own, keep_connections=True))
            push()
            client.client_kill_filter(_type="normal", skipme=True)

            with pytest.raises(StoreUnavailable):
                push()

            push()
            assert client.llen(KEY) == 2

    def test_a_kept_connection_that_was_closed_while_it_rested_does_not_fail(
        self, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.redis.stored_scripts.IDLE_SECONDS", 0.0)
        with connect(redis_url) as own:
            push = a_push(RedisStore(own, keep_connections=True))
            push()
            client.client_kill_filter(_type="normal", skipme=True)

            push()

            assert client.llen(KEY) == 2


class a_push:  # noqa: N801 - it reads as a function
    """Appends to the list KEY."""

    def __init__(self, store: RedisStore) -> None:
        effects = Effects()
        effects.push(KEY, "value")
        self._store = store
        self.call = store.script("save").call(effects.keys, effects.arguments)

    def __call__(self) -> None:
        self._store.pipeline_scripts([self.call])


class TestAServerOfOurOwn:
    """Faults that a shared server cannot be given."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[EmbeddedRedis]:
        return EmbeddedRedis(tmp_path)

    @pytest.fixture
    def process(self, server: EmbeddedRedis) -> Iterator[subprocess.Popen]:
        process = server.start()
        wait_until(lambda: _is_up(server))
        yield process
        process.kill()
        process.wait()

    def test_a_store_that_is_gone_is_unavailable_at_once_and_back_by_itself(
        self, server: EmbeddedRedis, process: subprocess.Popen
    ) -> None:
        store = RedisStore(connect(server.url), fail_fast=True)
        probe = RedisStoreProbe(store)
        probe.check()
        process.terminate()
        process.wait()

        with pytest.raises(StoreUnavailable):
            probe.check()

        again = server.start()
        try:
            wait_until(lambda: _succeeds(probe))
        finally:
            again.kill()
            again.wait()

    def test_a_full_server_refuses_new_tasks_and_finishes_old_ones(
        self, server: EmbeddedRedis, process: subprocess.Popen, wake_up_factory
    ) -> None:
        store = RedisStore(connect(server.url))
        repository = RedisTaskRepository(store, wake_up_factory.wake_up_of, EVENTS_KEPT)
        leases = RedisTaskLeases(store, repository, wake_up_factory.wake_up_of, timedelta(seconds=15), EVENTS_KEPT)
        submit(repository)
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", 1)

        with pytest.raises(StoreUnavailable) as refusal:
            submit(repository)
        assert "maxmemory" in refusal.value.reason
        run = claim(leases)
        done = repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))

        assert done.status is Status.COMPLETED

    def test_tasks_are_there_after_the_server_was_killed(
        self, server: EmbeddedRedis, process: subprocess.Popen, wake_up_factory
    ) -> None:
        client = connect(server.url)
        repository = RedisTaskRepository(RedisStore(client), wake_up_factory.wake_up_of, EVENTS_KEPT)
        task = submit(repository)
        process.kill()
        process.wait()

        again = server.start()
        try:
            wait_until(lambda: _is_up(server))
            assert repository.get(task.task_id) == task
        finally:
            again.kill()
            again.wait()


def test_a_batch_leaves_what_its_tasks_leave_one_by_one(repository: RedisTaskRepository, client: redis.Redis) -> None:
    """The tasks of a batch are written together; `save` writes each by itself."""
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    specs = [
        {"priority": 5},
        {"priority": 9, "labels": {"team": "a", "size": "small"}},
        {"priority": 5, "labels": {"team": "a"}},
        {"queue": "other", "expires_at": soon},
        {"run_at": soon, "queue": "other"},
        {"type": "http", "duration": None, "payload": {"text": "x" * 5_000}},
        {"run_at": soon + timedelta(hours=1), "expires_at": soon + timedelta(hours=2)},
        {"priority": 5, "timeout": 9, "retry": RetryPolicy(max_attempts=3)},
    ]
    tasks = [a_task(**members) for members in specs]

    together = repository.add(tasks)
    batch = _left(client)
    client.flushall()
    one_by_one = [repository.save(Change(before=None, after=task)) for task in tasks]

    assert _left(client) == batch
    assert [replace(task, submitted_at=soon) for task in together] == [
        replace(task, submitted_at=soon) for task in one_by_one
    ]


def _left(client: redis.Redis) -> dict[bytes, object]:
    """Return all that is stored but for the times of submissions and the numbers of places and wake-ups."""
    found: dict[bytes, object] = {}
    for key in client.scan_iter():
        kind = client.type(key)
        if kind == b"hash":
            found[re.sub(rb"(tm:minute:)\d+", rb"\1", key)] = _without_time(client.hgetall(key))
        elif kind == b"zset":
            entries = client.zrange(key, 0, -1, withscores=True)
            timed = key in (keys.SCHEDULED, keys.EXPIRING)
            found[key] = entries if timed else [member for member, _ in entries]
        elif kind == b"set":
            found[key] = client.smembers(key)
        elif kind == b"stream":
            found[key] = [
                {**event, b"record": _without_time(unpack_record(event[b"record"]))} for _, event in client.xrange(key)
            ]
        elif kind == b"list":
            found[key] = client.llen(key)
    return found


def _without_time(fields: dict[bytes, bytes]) -> dict[bytes, object]:
    """Leave out the time of submission, and of the place in the queue all but the priority."""
    kept: dict[bytes, object] = {name: value for name, value in fields.items() if name != b"u"}
    if RANK in fields:
        kept[RANK] = int(fields[RANK]) // PRIORITY_STEP
    return kept


def test_the_record_names_no_member_of_a_task_in_words(repository: RedisTaskRepository, client: redis.Redis) -> None:
    submit(repository, labels={"team": "a"})

    (key,) = client.scan_iter(b"tm:task:*")
    record = client.hgetall(key)

    assert {len(name) for name in record} == {1}
    assert json.loads(record[b"d"]) == {"n": "test", "d": 3, "e": 3600, "l": {"team": "a"}}


def test_a_store_beyond_its_memory_takes_what_keeps_the_service_alive(
    redis_store: RedisStore,
    wake_ups: CeleryWakeUps,
    repository: RedisTaskRepository,
    client: redis.Redis,
) -> None:
    task, process = submit(repository), a_process("worker")
    client.delete(f"task-manager.work.{task.spec.queue}")
    client.config_set("maxmemory", 1_000_000)  # less than an empty server uses
    try:
        RedisHeartbeats(redis_store).beat(process)
        assert GuardCapacity(RedisStoreProbe(redis_store)).execute()
        assert wake_ups.top_up_all() == 1
        assert [beat.process for beat in RedisHeartbeats(redis_store).alive("worker")] == [process]
    finally:
        client.config_set("maxmemory", 0)


def test_searches_that_last_leave_turns_at_the_store_to_others(redis_url: str, wake_up_factory: WakeUpFactory) -> None:
    searching, may_end, submitter = Signal(), Signal(), current_thread()

    def last() -> None:
        if current_thread() not in (submitter, other):
            searching.set()
            may_end.wait()

    store = RedisStore(connect(redis_url), fail_fast=True)
    repository = RedisTaskRepository(store, wake_up_factory.wake_up_of, EVENTS_KEPT, let_others_run=last)
    other = Thread(target=submit, args=(repository,), daemon=True)
    submit(repository, task_name="wanted")
    window = PageRequest(limit=10)
    wanted = TaskFilter(text="wanted")
    searches = [Thread(target=repository.find, args=(wanted, window)) for _ in range(2 * MAX_CONNECTIONS)]
    for search in searches:
        search.start()
    try:
        searching.wait()
        other.start()
        other.join(10)
        assert not other.is_alive()
    finally:
        may_end.set()
        for search in searches:
            search.join()


def _is_up(server: EmbeddedRedis) -> bool:
    with redis.Redis.from_url(server.url) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _succeeds(probe: RedisStoreProbe) -> bool:
    try:
        probe.check()
    except StoreUnavailable:
        return False
    return True


def _saved(repository: RedisTaskRepository, task: Task) -> bool:
    try:
        return bool(repository.add([task]))
    except StaleTask:
        return True
    except StoreUnavailable:
        return False
