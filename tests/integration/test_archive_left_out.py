"""What an export or an import leaves out, it names with the reason."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import redis

from adapters.redis import keys
from adapters.redis.attempt_log import RedisAttemptLog
from application.ports.task_archive import UnreadableTask
from application.ports.task_repository import IdempotencyRecord
from application.use_cases.operations.import_tasks import Result
from domain.status import Status
from entrypoints.container import Container, build_container
from entrypoints.environment import load_settings
from tests.building import a_task
from tests.integration.archives import Work, export, import_each, results
from tests.storing import claim, stored, submit


def test_a_running_task_is_left_out(work: Work, container: Container, client: redis.Redis) -> None:
    run = work.start()
    lines = export(container)
    client.flushall()

    [left_out, _] = import_each(container, lines)

    assert (left_out.result, left_out.task_id) == (Result.RUNNING, run.task_id)
    assert "Stop the workers of the source" in left_out.reason
    assert not client.keys("tm:task:*")


@pytest.mark.parametrize("wants_cancel", [False, True])
def test_a_running_task_is_handed_back_where_that_is_wanted(
    work: Work, container: Container, client: redis.Redis, wants_cancel: bool
) -> None:
    run = work.start()
    if wants_cancel:
        run = work.end(run, run.cancel(datetime.now(UTC)))
    lines = export(container)
    client.flushall()

    found = import_each(container, lines, requeue_running=True)

    assert results(found) == {Result.ADDED: 1, Result.END: 1}
    task = stored(work.repository, run)
    assert task.status is (Status.CANCELLED if wants_cancel else Status.QUEUED)
    assert (task.owner, task.fencing_token) == (None, run.fencing_token)
    [attempt] = RedisAttemptLog(work.store).entries(run.task_id)
    assert attempt.outcome == ("cancelled" if wants_cancel else "handed_back")
    assert not client.exists("tm:leases", "tm:held")
    again = claim(work.leases, "b:1", "b")
    assert (again is None) is wants_cancel
    assert again is None or (again.task_id, again.attempt) == (run.task_id, 1)


def test_a_task_that_was_deleted_while_it_ran_is_left_out(
    work: Work, container: Container, client: redis.Redis
) -> None:
    run = work.start()
    work.end(run, run.discard(datetime.now(UTC)))
    lines = export(container)
    client.flushall()

    found = import_each(container, lines, requeue_running=True)

    assert results(found) == {Result.DELETED: 1, Result.END: 1}


def changed(line: str, change: Callable[[dict[str, Any]], object]) -> str:
    members = json.loads(line)
    change(members)
    return json.dumps(members)


def record_with(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda members: members["stored"]["record"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (record_with("h", "2"), Result.UNKNOWN_VERSION),
        (record_with("h", "x"), Result.DAMAGED),
        (record_with("s", "LOST"), Result.DAMAGED),
        (record_with("s", 5), Result.DAMAGED),
        (record_with("d", "{"), Result.DAMAGED),
        (record_with("d", '{"n":"a","q":5}'), Result.DAMAGED),
        (record_with("d", '{"n":"a","p":"high"}'), Result.DAMAGED),
        (record_with("d", '{"n":"a","l":{"a":1}}'), Result.DAMAGED),
        (record_with("c", "1" + 30 * "0"), Result.DAMAGED),
        (record_with("c", "-5"), Result.DAMAGED),
        (record_with("v", str(2**53)), Result.DAMAGED),
        (record_with("o", "a\0b"), Result.DAMAGED),
        (record_with("omitted", "i"), Result.DAMAGED),
        (lambda members: members["stored"].pop("record"), Result.DAMAGED),
        (lambda members: members["stored"].update(record=[]), Result.DAMAGED),
        (lambda members: members["stored"].update(log=[1]), Result.DAMAGED),
        (lambda members: members["stored"].update(webhooks=[{}]), Result.DAMAGED),
        (lambda members: members.update(task_id="../../etc"), Result.DAMAGED),
        (lambda members: members.update(kind="tusk"), Result.DAMAGED),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_the_others_are_imported(
    work: Work,
    container: Container,
    client: redis.Redis,
    change: Callable[[dict[str, Any]], object],
    result: Result,
) -> None:
    submit(work.repository)
    submit(work.repository)
    first, second, end = export(container)
    other = json.loads(second)["task_id"]
    client.flushall()

    found = import_each(container, [changed(first, change), second, end])

    [bad] = [line for line in found if line.result not in {Result.ADDED, Result.END}]
    assert (bad.result, bad.number) == (result, 1)
    assert bad.reason
    assert [key[8:].hex() for key in client.keys("tm:task:*")] == [other.replace("-", "")]
    assert client.zcard("tm:tasks") == 1
    assert not client.exists("tm:claims")


DAMAGES = [
    "{",
    "",
    "null",
    '{"kind":"request","stored":{"key":"00"}}',
    '{"kind":"end","tasks":1e999}',
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_line_of_any_kind_is_named(container: Container, damage: str) -> None:
    [line] = import_each(container, [damage])

    assert line.result is Result.DAMAGED


@pytest.mark.parametrize(
    "members",
    [
        {"key": b"tm:claims".hex()},
        {"key": b"tm:receipt:short".hex()},
        {"hash": "00"},
        {"at_ms": 10**13},
        {"at_ms": -1},
        {"at_ms": float("inf")},
        {"kept_ms": 10**30},
    ],
)
def test_a_request_that_would_damage_the_store_is_not_written(
    work: Work, container: Container, client: redis.Redis, members: dict[str, object]
) -> None:
    record = IdempotencyRecord(key="once", request_hash=sha256(b"body").digest())
    work.repository.add([a_task()], record)
    line = changed(export(container)[1], lambda line: line["stored"].update(members))
    client.flushall()

    assert [each.result for each in import_each(container, [line])] == [Result.DAMAGED]
    assert client.dbsize() == 0


def test_a_full_store_takes_no_task_and_says_so(
    work: Work, container: Container, client: redis.Redis
) -> None:
    submit(work.repository)
    lines = export(container)
    client.flushall()
    client.set("tm:full", 1)

    assert results(import_each(container, lines)) == {Result.FULL: 1, Result.END: 1}
    assert not client.keys("tm:task:*")


def test_more_queues_than_allowed_are_refused(
    work: Work, container: Container, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        submit(work.repository, queue=name)
    lines = export(container)
    client.flushall()
    monkeypatch.setenv("TASKS_MAX_QUEUES", "1")

    found = results(import_each(build_container(load_settings()), lines))

    assert found == {Result.ADDED: 1, Result.TOO_MANY_QUEUES: 1, Result.END: 1}


def test_an_unreadable_task_is_named_and_the_others_are_exported(
    work: Work, container: Container, client: redis.Redis
) -> None:
    tasks = [submit(work.repository) for _ in range(3)]
    records = [keys.record(task.task_id) for task in tasks]
    client.hset(records[0], "d", "{")
    client.delete(records[1])
    client.set(records[1], "text")

    found = list(container.export_tasks().execute())

    unreadable = [each.task_id for each in found if isinstance(each, UnreadableTask)]
    assert unreadable == [task.task_id for task in tasks[:2]]
    assert tasks[2].task_id in str(found[2])
    assert found[-1] == '{"kind":"end","tasks":1}'
