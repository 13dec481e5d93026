"""The repository in Redis keeps its contract, and some promises of its own."""

import json
import re
import tracemalloc
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from threading import Event as Signal
from threading import Thread, current_thread

import pytest
import redis

from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.redis import keys
from adapters.redis.connection import connect
from adapters.redis.effects import Effects
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.indexes import PRIORITY_STEP
from adapters.redis.save_script import SaveScript
from adapters.redis.store import MAX_CONNECTIONS, RedisStore
from adapters.redis.task_codec import RANK, unpack_record
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import TooManyQueues
from application.ports.task_repository import Change, PageRequest
from application.task_filter import TaskFilter
from domain.retry_policy import RetryPolicy
from domain.task_spec import TaskPatch
from tests.building import a_task
from tests.contracts.task_repository import TaskRepositoryContract
from tests.integration.conftest import EVENTS_KEPT
from tests.integration.waiting import PATIENCE
from tests.storing import claim, submit

MAX_PEAK_BYTES = 1_000_000
"""More than a chunk of entries takes, and less than 20,000 of them."""
# fmt: off
MADE_BY_THE_SCRIPT = {
    f"cmdstat_{name}"
    for name in (
        "time", "exists", "hget", "hset", "hgetall", "zadd", "zcard", "sadd", "llen",
        "scard", "xlen", "lpush", "xadd", "sismember", "hincrby", "incrby",
    )
}
# fmt: on


class TestRedisTaskRepository(TaskRepositoryContract):
    def test_a_submit_is_one_round_trip(
        self, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)
        before = client.info("commandstats")

        submit(repository)

        after = client.info("commandstats")
        calls = {
            name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after
        }
        assert calls.pop("cmdstat_evalsha") == 1
        made = {name for name, number in calls.items() if number}
        of_a_new_minute = {"cmdstat_hlen", "cmdstat_expire"}
        assert made - of_a_new_minute == {"cmdstat_info", *MADE_BY_THE_SCRIPT}

    def test_a_small_task_is_stored_as_a_listpack(
        self, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository, task_name="n" * 200)

        (key,) = client.scan_iter(b"tm:task:*")

        assert client.object("encoding", key) == b"listpack"

    def test_only_counters_remain_of_a_removed_task(
        self, repository: RedisTaskRepository, wake_ups: CeleryWakeUps, client: redis.Redis
    ) -> None:
        repository.remove(submit(repository))
        wake_ups.top_up_all()
        wake_ups.forget_unused()

        counters = (b"tm:minute:", b"tm:counters:")
        left = {key.decode() for key in client.scan_iter() if not key.startswith(counters)}

        assert left == {"tm:sequence", "tm:types", "tm:events"}

    def test_parallel_submits_keep_the_limit_of_queues(
        self, redis_store: RedisStore, wake_up_factory: WakeUpFactory, client: redis.Redis
    ) -> None:
        limited = RedisTaskRepository(
            redis_store, wake_up_factory.wake_up_of, EVENTS_KEPT, 10, ("own",)
        )
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

    def test_a_batch_with_too_many_queues_is_refused_whole_and_names_the_places(
        self, redis_store: RedisStore, wake_up_factory: WakeUpFactory, client: redis.Redis
    ) -> None:
        limited = RedisTaskRepository(redis_store, wake_up_factory.wake_up_of, EVENTS_KEPT, 2)
        task = submit(limited, queue="a")

        with pytest.raises(TooManyQueues, match="limit of 2 queues") as refusal:
            limited.add([a_task(queue=queue) for queue in ("a", "b", "a", "c", "b")])

        assert (refusal.value.places, client.smembers("tm:queues")) == ([1, 3, 4], {b"a"})
        limited.add([a_task(queue=queue) for queue in ("a", "b", "b")])
        with pytest.raises(TooManyQueues):
            limited.save(Change(before=task, after=task.patch(TaskPatch({"queue": "c"}))))

    def test_entries_that_a_transition_has_put_back_are_not_removed(
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


def test_a_change_beside_a_damaged_queue_is_saved_without_a_position(
    repository: RedisTaskRepository, client: redis.Redis
) -> None:
    task = submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))
    client.set("tm:waiting:default", "text")

    changed, position = repository.save_with_position(
        Change(before=task, after=task.patch(TaskPatch({"labels": {"team": "a"}})))
    )

    assert (repository.get(task.task_id), position) == (changed, None)


def test_a_batch_stores_what_its_tasks_store_one_by_one(
    repository: RedisTaskRepository, client: redis.Redis
) -> None:
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
    """Return all stored data without times of submission and numbers of places and wake-ups.

    Events of different tasks may be in any order. The counters of all minutes are added up.
    """
    found: dict[bytes, object] = {}
    counters: dict[bytes, Counter[bytes]] = defaultdict(Counter)
    for key in client.scan_iter():
        kind = client.type(key)
        if of_a_minute := re.fullmatch(rb"(tm:minute:|tm:counters:)\d+", key):
            numbers = {name: int(value) for name, value in client.hgetall(key).items()}
            counters[of_a_minute[1]].update(numbers)
        elif kind == b"hash":
            found[key] = _without_time(client.hgetall(key))
        elif kind == b"zset":
            entries = client.zrange(key, 0, -1, withscores=True)
            timed = key in (keys.SCHEDULED, keys.EXPIRING)
            found[key] = entries if timed else [member for member, _ in entries]
        elif kind == b"set":
            found[key] = client.smembers(key)
        elif kind == b"stream":
            events = [
                {**event, b"record": _without_time(unpack_record(event[b"record"]))}
                for _, event in client.xrange(key)
            ]
            found[key] = sorted(events, key=itemgetter(b"id"))
        elif kind == b"list":
            found[key] = client.llen(key)
    return {**found, **counters}


def _without_time(fields: dict[bytes, bytes]) -> dict[bytes, object]:
    """Return the fields without the time of submission, and only the priority of the place."""
    kept: dict[bytes, object] = {name: value for name, value in fields.items() if name != b"u"}
    if RANK in fields:
        kept[RANK] = int(fields[RANK]) // PRIORITY_STEP
    return kept


def test_the_fields_of_a_record_have_one_letter(
    repository: RedisTaskRepository, client: redis.Redis
) -> None:
    submit(repository, labels={"team": "a"})

    (key,) = client.scan_iter(b"tm:task:*")
    record = client.hgetall(key)

    assert {len(name) for name in record} == {1}
    assert json.loads(record[b"d"]) == {"n": "test", "d": 3, "e": 3600, "l": {"team": "a"}}


def test_a_late_page_of_two_filters_holds_no_earlier_tasks(
    repository: RedisTaskRepository, client: redis.Redis
) -> None:
    task = submit(repository, labels={"a": "b"})
    ids = (f"{number:08x}-0000-7000-8000-000000000000" for number in range(20_000))
    earlier = {require_id_bytes(task_id): number for number, task_id in enumerate(ids)}
    for index in (keys.label_index("a", "b"), keys.queue_index("default")):
        client.zadd(index, earlier)
    wanted = TaskFilter(labels={"a": "b"}, queue="default")
    tracemalloc.start()

    page = repository.find(wanted, PageRequest(limit=10, offset=20_000))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.task_id for each in page.tasks] == [task.task_id]
    assert page.total == 20_001
    assert peak < MAX_PEAK_BYTES


def test_long_searches_leave_connections_to_other_calls(
    redis_url: str, wake_up_factory: WakeUpFactory
) -> None:
    searching, may_end, submitter = Signal(), Signal(), current_thread()

    def last() -> None:
        if current_thread() not in (submitter, other):
            searching.set()
            may_end.wait()

    store = RedisStore(connect(redis_url), fail_fast=True)
    repository = RedisTaskRepository(
        store, wake_up_factory.wake_up_of, EVENTS_KEPT, let_others_run=last
    )
    other = Thread(target=submit, args=(repository,), daemon=True)
    submit(repository, task_name="wanted")
    window = PageRequest(limit=10)
    wanted = TaskFilter(text="wanted")
    searches = [
        Thread(target=repository.find, args=(wanted, window)) for _ in range(2 * MAX_CONNECTIONS)
    ]
    for search in searches:
        search.start()
    try:
        searching.wait()
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive()
    finally:
        may_end.set()
        for search in searches:
            search.join()
