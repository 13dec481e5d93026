"""An archive has everything about tasks, and importing it adds what is missing, once."""

import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import redis

from adapters.redis import keys
from adapters.redis.attempt_log import RedisAttemptLog
from adapters.redis.run_log import RedisRunLog
from adapters.redis.store import RedisStore
from adapters.redis.task_history import RedisTaskHistory
from application.archive_lines import TaskLine, parse
from application.errors import AlreadySubmitted, StaleTask
from application.ports.task_archive import TaskArchive
from application.ports.task_repository import Change, IdempotencyRecord
from application.use_cases.operations.import_tasks import Result
from domain.status import Status
from entrypoints.container import Container
from tests.building import AN_ERROR, a_task
from tests.contracts.task_archive import TaskArchiveContract
from tests.integration.archives import EVENTS_KEPT, RETRIED, URL, Work, export, import_each, results
from tests.integration.stored_data import stored_data
from tests.storing import claim, stored, submit


class TestRedisTaskArchive(TaskArchiveContract):
    @pytest.fixture
    def archive(self, container: Container) -> TaskArchive:
        found: TaskArchive = container.task_archive()
        return found

    @pytest.fixture
    def run_log(self, redis_store: RedisStore) -> RedisRunLog:
        return RedisRunLog(redis_store, EVENTS_KEPT)

    @pytest.fixture
    def empty_store(self, client: redis.Redis) -> Callable[[], object]:
        return client.flushall


def test_an_empty_store_has_everything_again(
    work: Work, container: Container, client: redis.Redis
) -> None:
    work.every_state()
    before = stored_data(client)
    claims = int(client.get("tm:claims") or 0)
    lines = export(container)
    client.flushall()

    found = import_each(container, lines)

    kinds = {Result.QUEUE, Result.ADDED, Result.REQUEST, Result.SCHEDULE, Result.END}
    assert set(results(found)) == kinds
    assert stored_data(client) == before
    assert int(client.get("tm:claims") or 0) == claims


def test_what_is_restored_can_be_read_through_the_ports(
    work: Work, container: Container, client: redis.Redis
) -> None:
    run = work.start(retry=RETRIED, callback_url=URL)
    work.log.append(run, lines=["working"])
    failed = work.end(run, run.fail(AN_ERROR, datetime.now(UTC), retry=False))
    entries = RedisAttemptLog(work.store).entries(run.task_id)
    history = RedisTaskHistory(work.store).stored(run.task_id)
    lines = export(container)
    client.flushall()

    import_each(container, lines)

    assert stored(work.repository, run) == failed
    assert RedisAttemptLog(work.store).entries(run.task_id) == entries
    assert RedisTaskHistory(work.store).stored(run.task_id) == history
    assert history.submitted_by
    assert history.changes
    assert [line.message for line in work.log.lines(run.task_id)] == ["working"]
    [delivery] = work.outbox.lease(limit=9, duration=timedelta(minutes=1))
    assert delivery.webhook.task == failed


def test_importing_twice_changes_nothing(
    work: Work, container: Container, client: redis.Redis
) -> None:
    work.every_state()
    lines = export(container)
    tasks = sum('"kind":"task"' in line for line in lines)
    client.flushall()
    import_each(container, lines)
    changes = client.info("persistence")["rdb_changes_since_last_save"]

    found = results(import_each(container, lines))

    assert found == {
        Result.QUEUE: 1,
        Result.EXISTS: tasks,
        Result.REQUEST_EXISTS: 1,
        Result.SCHEDULE_EXISTS: 1,
        Result.END: 1,
    }
    assert client.info("persistence")["rdb_changes_since_last_save"] == changes


def test_an_import_that_was_broken_off_goes_on(
    work: Work, container: Container, client: redis.Redis
) -> None:
    work.every_state()
    before, lines = stored_data(client), export(container)
    client.flushall()
    import_each(container, lines[:5])

    found = results(import_each(container, lines))

    assert found[Result.EXISTS] == 4
    assert stored_data(client) == before


def test_a_task_that_exists_stays_as_it_is(
    work: Work, container: Container, client: redis.Redis
) -> None:
    task = submit(work.repository)
    lines = export(container)
    work.repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
    changed = stored_data(client)

    assert results(import_each(container, lines))[Result.EXISTS] == 1
    assert stored_data(client) == changed


def test_waiting_tasks_run_in_their_order_and_behind_no_new_task(
    work: Work, container: Container, client: redis.Redis
) -> None:
    waiting = [submit(work.repository, priority=priority) for priority in (5, 9, 5, 1)]
    lines = export(container)
    client.flushall()
    import_each(container, lines)
    submit(work.repository)

    claimed = [claim(work.leases, f"a:{number}", str(number)) for number in range(4)]

    order = [waiting[at].task_id for at in (1, 0, 2)]
    assert [run.task_id for run in claimed[:3]] == order
    assert all(run.fencing_token for run in claimed)


def test_a_claim_after_an_import_has_a_greater_fencing_token(
    work: Work, container: Container, client: redis.Redis
) -> None:
    client.set("tm:claims", 5_000)
    run = work.start()
    work.end(run, run.stop(datetime.now(UTC)))
    lines = export(container)
    client.flushall()
    import_each(container, lines)

    assert claim(work.leases).fencing_token > run.fencing_token > 5_000


def test_final_tasks_are_removed_after_their_retention(
    work: Work, container: Container, client: redis.Redis
) -> None:
    work.every_state()
    final = {Status.COMPLETED, Status.FAILED, Status.EXPIRED}
    lines = export(container)
    client.flushall()
    import_each(container, lines)

    tasks = work.repository.past_retention(timedelta(0), limit=99)

    assert len(tasks) == 5
    assert {task.status for task in tasks} == final


def test_followers_are_told_of_restored_tasks(
    work: Work, container: Container, client: redis.Redis
) -> None:
    run = work.start()
    work.end(run, run.complete(1, datetime.now(UTC)))
    submit(work.repository)
    lines = export(container)
    client.flushall()

    import_each(container, lines)

    events = [fields[b"event"] for _, fields in client.xrange("tm:events")]
    assert events == [b"task.updated", b"task.submitted"]


def test_a_repeated_request_submits_nothing_twice_after_an_import(
    work: Work, container: Container, client: redis.Redis
) -> None:
    record = IdempotencyRecord(key="once", request_hash=sha256(b"body").digest())
    [task] = work.repository.add([a_task()], record)
    lines = export(container)
    client.flushall()
    import_each(container, lines)

    with pytest.raises(AlreadySubmitted) as refused:
        work.repository.add([a_task()], record)

    assert refused.value.task_ids == [task.task_id]
    assert refused.value.submitted_at == task.submitted_at


def test_an_export_beside_live_traffic_has_every_task_in_one_state_each(
    work: Work, container: Container
) -> None:
    tasks = [submit(work.repository) for _ in range(300)]
    ended = threading.Event()

    def change() -> None:
        for task in itertools.cycle(tasks):
            if ended.is_set():
                return
            with suppress(StaleTask):
                now = datetime.now(UTC)
                before = stored(work.repository, task)
                after = before.retry(now) if before.status.is_final else before.cancel(now)
                work.repository.save(Change(before=before, after=after))

    changing = threading.Thread(target=change)
    changing.start()
    try:
        lines = [parse(line.encode()) for line in export(container)]
    finally:
        ended.set()
        changing.join()

    found = [line for line in lines if isinstance(line, TaskLine)]
    assert len(found) == len(tasks)
    assert {line.task_id for line in found} == {task.task_id for task in tasks}
    for line in found:
        container.task_archive().decode(line.task_id, line.stored)


def test_large_tasks_are_read_a_few_at_a_time(
    work: Work, container: Container, client: redis.Redis
) -> None:
    for _ in range(8):
        submit(work.repository, type="report", payload={"text": "x" * 600_000})
    calls = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]

    assert len(export(container)) == 9

    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] - calls >= 4


def test_tasks_of_many_versions_are_read_a_few_at_a_time(
    work: Work, container: Container, client: redis.Redis
) -> None:
    """Each version may have a callback, for which Redis has to look."""
    for _ in range(50):
        client.hset(keys.record(submit(work.repository).task_id), "v", 1_000)
    calls = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]

    assert len(export(container)) == 51

    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] - calls >= 4


def test_a_callback_that_redis_would_keep_for_ever_is_sent_after_an_import(
    work: Work, container: Container, client: redis.Redis
) -> None:
    run = work.start(callback_url=URL)
    work.end(run, run.complete(1, datetime.now(UTC)))
    [webhook] = client.keys("tm:message:*")
    client.persist(webhook)
    lines = export(container)
    client.flushall()

    import_each(container, lines)

    assert client.pttl(webhook) > 60_000
    assert work.outbox.lease(limit=9, duration=timedelta(minutes=1))


@pytest.mark.slow
@pytest.mark.long
def test_twenty_thousand_tasks_are_moved_and_importing_them_again_changes_nothing(
    work: Work, container: Container, client: redis.Redis
) -> None:
    for _ in range(20):
        work.repository.add([a_task() for _ in range(1_000)])
    before, lines = stored_data(client), export(container)
    client.flushall()

    assert results(import_each(container, lines))[Result.ADDED] == 20_000
    assert stored_data(client) == before
    assert results(import_each(container, lines))[Result.EXISTS] == 20_000
    assert stored_data(client) == before
