"""A real maintenance process skips data that it cannot handle."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from adapters.redis import keys
from adapters.redis.id_codec import id_bytes
from adapters.redis.records import TaskRecords
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.system.task_ids import UuidTaskIds
from application.ports.task_repository import Change
from domain.status import Status
from domain.task import Task
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until
from tests.storing import claim, completed, submit

PAST = datetime(2001, 1, 1, tzinfo=UTC)
MORE_THAN_A_BATCH = 601

Maintain = Callable[[], ServiceProcess]


@pytest.fixture
def maintain(redis_url: str, tmp_path: Path) -> Iterator[Maintain]:
    """Start maintenance with a retention of one second. It must not end or restart in the test."""
    process = ServiceProcess(
        "maintenance", tmp_path / "log", redis_url=redis_url, retention_seconds=1
    )

    def start() -> ServiceProcess:
        return process.__enter__()

    yield start
    assert process.process.poll() is None, process.output
    process.__exit__()


def errors(process: ServiceProcess) -> list[dict[str, str]]:
    whole = process.output.rpartition("\n")[0]  # the last line may not be
    lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] == "error"]


def soon(client: redis.Redis) -> datetime:
    return datetime.fromtimestamp(client.time()[0], UTC) + timedelta(seconds=1)


def is_expired(repository: RedisTaskRepository, task: Task) -> Callable[[], bool]:
    return lambda: repository.get(task.task_id).status is Status.EXPIRED


def test_a_task_that_completed_before_its_expires_at_does_not_end_maintenance(
    repository: RedisTaskRepository,
    leases: RedisTaskLeases,
    client: redis.Redis,
    maintain: Maintain,
) -> None:
    done = submit(repository, expires_at=soon(client) + timedelta(hours=1))
    repository.save(completed(claim(leases)))
    client.zadd(keys.EXPIRING, {id_bytes(done.task_id): 1})  # as earlier versions left it behind
    late = submit(repository, expires_at=soon(client))
    scheduled = submit(repository, run_at=soon(client))

    process = maintain()

    wait_until(is_expired(repository, late))
    wait_until(lambda: repository.get(scheduled.task_id).status is Status.QUEUED)
    wait_until(lambda: client.zcard(keys.EXPIRING) == 0)
    wait_until(lambda: repository.get(done.task_id) is None)  # retention is reached, too
    assert errors(process) == []


@pytest.mark.parametrize("index", [keys.EXPIRING, keys.SCHEDULED, keys.DISCARDED, keys.LEASES])
def test_entries_of_tasks_that_are_gone_do_not_fill_the_batches(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain, index: bytes
) -> None:
    client.zadd(index, {id_bytes(UuidTaskIds().next()): 1 for _ in range(MORE_THAN_A_BATCH)})
    late = submit(repository, expires_at=PAST)
    due = submit(repository, run_at=PAST)

    process = maintain()

    wait_until(is_expired(repository, late))
    wait_until(lambda: repository.get(due.task_id).status is Status.QUEUED)
    wait_until(
        lambda: client.zcard(index) == 0
    )  # a server that has just started calls no lease expired
    assert errors(process) == []


def damage(client: redis.Redis, task: Task, how: str) -> None:
    record = keys.record(task.task_id)
    if how == "not a record":
        client.hset(record, b"s", b"NONSENSE")
    elif how == "wrong type":
        client.delete(record)
        client.set(record, "text")
    else:
        client.set(keys.waiting(task.spec.queue), "text")


@pytest.mark.parametrize("how", ["not a record", "wrong type"])
def test_a_damaged_record_at_the_head_of_each_index_is_logged_once_and_skipped(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain, how: str
) -> None:
    heads = [submit(repository, expires_at=PAST), submit(repository, run_at=PAST)]
    pairs = [
        (keys.LEASES, submit(repository)),
        (keys.DISCARDED, submit(repository)),
        (keys.EXPIRING, submit(repository, expires_at=PAST)),
        (keys.SCHEDULED, submit(repository, run_at=PAST)),
    ]
    finished = submit(repository)
    for index, task in pairs:
        damage(client, task, how)
        client.zadd(index, {id_bytes(task.task_id): 1})
    damage(client, finished, how)
    client.rpush(keys.FINISHED, id_bytes(finished.task_id) + b"1000000000000")
    ended = submit(repository)
    repository.save(Change(before=ended, after=ended.cancel(datetime.now(UTC))))

    process = maintain()

    wait_until(is_expired(repository, heads[0]))
    wait_until(lambda: repository.get(heads[1].task_id).status is Status.QUEUED)
    wait_until(lambda: repository.get(ended.task_id) is None)  # retention
    wait_until(lambda: len(errors(process)) >= len(pairs) + 1)
    told = [(line["action"], line["task_id"]) for line in errors(process)]
    assert len(set(told)) == len(told) == len(pairs) + 1
    assert {task_id for _, task_id in told} == {task.task_id for _, task in pairs} | {
        finished.task_id
    }


def test_a_queue_whose_key_has_the_wrong_type_holds_up_no_other(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain
) -> None:
    stuck = submit(repository, queue="broken", run_at=PAST)
    client.set(keys.waiting("broken"), "text")
    client.sadd(keys.WAITING_QUEUES, "broken")
    due = submit(repository, run_at=PAST)
    waiting = submit(repository, queue="other")
    client.delete("task-manager.work.other")

    process = maintain()

    wait_until(lambda: repository.get(due.task_id).status is Status.QUEUED)
    wait_until(lambda: client.llen("task-manager.work.other") == 1)
    wait_until(lambda: {line["action"] for line in errors(process)} == {"save", "replenish"})
    assert [line["task_id"] for line in errors(process)].count(stuck.task_id) == 1
    assert repository.get(waiting.task_id).status is Status.QUEUED
    assert (
        client.zscore(keys.SCHEDULED, id_bytes(stuck.task_id)) > client.time()[0] * 1000
    )  # set aside, not dropped


def test_a_queue_name_that_is_no_text_holds_up_no_other(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain
) -> None:
    submit(repository, queue="other")
    client.delete("task-manager.work.other")
    client.sadd(keys.WAITING_QUEUES, b"\xff")
    client.sadd(keys.QUEUES, b"\xff", "unused")

    process = maintain()

    wait_until(lambda: client.llen("task-manager.work.other") == 1)
    wait_until(lambda: not client.sismember(keys.QUEUES, "unused"))
    assert {line["action"] for line in errors(process)} == {"read_queue_name"}


@pytest.mark.parametrize("value", ["many", 2**63 - 1, -(2**63)])
def test_a_damaged_counter_holds_up_no_task(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain, value: str | int
) -> None:
    due = submit(repository, run_at=soon(client))
    client.hset(keys.SCHEDULED_BY_QUEUE, due.spec.queue, value)
    minute = client.time()[0] // 60
    for each in (minute, minute + 1):
        client.hset(f"tm:minute:{each}", "SUBMITTED", value)

    later = submit(repository, run_at=soon(client))
    process = maintain()

    for task in (due, later):
        wait_until(lambda task=task: repository.get(task.task_id).status is Status.QUEUED)
        assert client.zrank(keys.waiting(task.spec.queue), id_bytes(task.task_id)) is not None
    assert errors(process) == []


def test_other_duties_run_beside_one_that_fails(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain
) -> None:
    client.set(keys.EXPIRING, "text")
    client.set(keys.DISCARDED, "text")
    due = submit(repository, run_at=PAST)

    process = maintain()

    wait_until(lambda: repository.get(due.task_id).status is Status.QUEUED)
    wait_until(lambda: {line["duty"] for line in errors(process)} == {"expire", "retention"})
    assert len(errors(process)) == 2
    client.delete(keys.EXPIRING)
    late = submit(repository, expires_at=PAST)
    wait_until(is_expired(repository, late))


def test_a_queue_beyond_the_limit_is_refused_until_maintenance_forgets_one(
    redis_url: str, maintain: Maintain, tmp_path: Path
) -> None:
    with Api(
        tmp_path / "api.log", redis_url=redis_url, max_queues=2, queues="own", http_workers=1
    ) as api:
        first = api.submit(queue="a")
        api.submit(queue="b")
        maintain()
        body = {"task_name": "test", "duration": 1, "queue": "c"}

        refusal = api.request("POST", "/tasks", json=body)

        assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, "/queue")
        api.submit(queue="own")
        names = [queue["name"] for queue in api.request("GET", "/queues").json()["queues"]]
        assert names == ["a", "b", "own"]
        for queue in ("own", "a"):
            tasks = api.request("GET", f"/tasks?queue={queue}").json()["tasks"]
            for task in tasks:
                assert api.request("DELETE", f"/tasks/{task['task_id']}").status_code == 204
        wait_until(lambda: api.request("POST", "/tasks", json=body).status_code == 202)
        assert api.request("GET", f"/tasks/{first}").status_code == 404


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5_000, "9" * 15, "4" * 13])
def test_an_entry_of_the_future_at_the_head_does_not_hold_up_retention(
    repository: RedisTaskRepository, client: redis.Redis, maintain: Maintain, digits: str
) -> None:
    other = id_bytes(UuidTaskIds().next())
    client.rpush(keys.FINISHED, other + digits.encode())
    ended = submit(repository)
    repository.save(Change(before=ended, after=ended.cancel(datetime.now(UTC))))

    process = maintain()

    wait_until(lambda: repository.get(ended.task_id) is None)
    assert errors(process) == []


def test_no_process_searches_the_finished_tasks_for_an_entry_that_another_removed(
    repository: RedisTaskRepository, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [id_bytes(UuidTaskIds().next()) + b"1" for _ in range(MORE_THAN_A_BATCH)]
    client.rpush(keys.FINISHED, *gone)
    short_each = TaskRecords.short_each

    def read_while_the_other_drops(records: TaskRecords, ids: list[bytes]) -> object:
        found = short_each(records, ids)
        monkeypatch.setattr(TaskRecords, "short_each", short_each)
        repository.past_retention(timedelta(0), limit=len(gone))
        return found

    monkeypatch.setattr(TaskRecords, "short_each", read_while_the_other_drops)
    client.config_resetstat()

    repository.past_retention(timedelta(0), limit=len(gone))

    assert client.llen(keys.FINISHED) == 0
    assert client.info("commandstats")["cmdstat_lrem"]["calls"] == len(gone)
