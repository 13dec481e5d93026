"""Another Celery program reads our tasks with nothing but `AsyncResult`."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.exceptions import ImproperlyConfigured, TaskRevokedError, TimeoutError

from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from domain.task import Task
from domain.task_error import TaskError
from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.building import a_task
from tests.integration.waiting import PATIENCE, wait_until
from tests.storing import claim, submit


@pytest.fixture
def program(redis_url: str) -> Celery:
    """A program of somebody else's."""
    return program_of(redis_url)


@pytest.fixture
def run(repository: RedisTaskRepository, leases: RedisTaskLeases) -> Task:
    submit(repository)
    return claim(leases)


def test_a_result_can_be_read_and_waited_for(
    program: Celery, repository: RedisTaskRepository, run: Task
) -> None:
    repository.save(Change(before=run, after=run.complete({"path": "a.png"}, datetime.now(UTC))))

    result = program.AsyncResult(run.task_id)

    assert (result.state, result.successful(), result.ready()) == ("SUCCESS", True, True)
    assert result.get(timeout=PATIENCE) == {"path": "a.png"}
    assert result.date_done is not None


def test_a_failure_raises_with_its_type_and_message(
    program: Celery, repository: RedisTaskRepository, run: Task
) -> None:
    error = TaskError(code="handler_error", message="ValueError: no such picture")
    repository.save(Change(before=run, after=run.fail(error, datetime.now(UTC))))

    result = program.AsyncResult(run.task_id)

    assert result.state == "FAILURE"
    with pytest.raises(Exception, match="ValueError: no such picture") as raised:
        result.get(timeout=PATIENCE)
    assert type(raised.value).__name__ == "handler_error"


def test_a_cancelled_task_is_revoked(program: Celery, repository: RedisTaskRepository) -> None:
    task = submit(repository)
    repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))

    result = program.AsyncResult(task.task_id)

    assert result.state == "REVOKED"
    with pytest.raises(TaskRevokedError):
        result.get(timeout=PATIENCE)


def test_a_task_on_its_way_is_pending_then_started(
    program: Celery, repository: RedisTaskRepository, leases: RedisTaskLeases
) -> None:
    result = program.AsyncResult(submit(repository).task_id)
    assert result.state == "PENDING"

    claim(leases)

    assert result.state == "STARTED"
    with pytest.raises(TimeoutError):
        result.get(timeout=0.1)


def test_an_unknown_task_is_pending_as_celery_has_it(program: Celery) -> None:
    assert program.AsyncResult(a_task().task_id).state == "PENDING"
    assert program.AsyncResult("nonsense").state == "PENDING"


def test_nothing_can_be_stored_or_forgotten(
    program: Celery, repository: RedisTaskRepository, client: redis.Redis, run: Task
) -> None:
    keys = set(client.scan_iter())

    program.backend.store_result(run.task_id, "forged", "SUCCESS")
    program.AsyncResult(run.task_id).forget()

    assert repository.get(run.task_id) == run
    assert set(client.scan_iter()) == keys


def program_of(url: str) -> Celery:
    return Celery(
        "shop",
        backend=f"adapters.celery.result_backend:TaskResultBackend+{url}",
        set_as_current=False,
    )


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server that wants a password."""
    server = EmbeddedRedis(tmp_path / "data")
    process = server.start()
    try:
        wait_until(server.replies)
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", "right")
            client.acl_setuser("reader", enabled=True, passwords=["+right"], commands=["+ping"])
        yield server
    finally:
        process.kill()
        process.wait()
        server.discard()


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("", "HELLO must be called with the client already authenticated"),
        (":wrong@", "invalid username-password pair"),
        ("reader:right@", "permission"),
    ],
)
def test_a_refused_program_is_told_so_without_its_password(
    guarded: EmbeddedRedis, user: str, reason: str
) -> None:
    result = program_of(guarded.url.replace("unix://", f"unix://{user}")).AsyncResult(
        a_task().task_id
    )

    with pytest.raises(ImproperlyConfigured, match="refuses this program") as raised:
        _ = result.state

    assert reason in str(raised.value)
    assert "Give the URL the user and the password" in str(raised.value)
    assert not re.search("wrong|right", str(raised.value))


def test_a_redis_that_is_away_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    result = program_of(f"unix://:secret@{tmp_path}/redis.sock?db=0").AsyncResult(a_task().task_id)

    with pytest.raises(
        ConnectionError, match=r"is not available: Error 2 connecting to .*redis.sock"
    ) as raised:
        result.get(timeout=1)

    assert "secret@" not in str(raised.value)
