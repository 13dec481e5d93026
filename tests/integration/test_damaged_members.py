"""A record that can be read, and has a member of a wrong kind, holds up no sweep."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from adapters.redis import keys
from adapters.redis.clock import RedisClock
from adapters.redis.id_codec import stored_bytes
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.tracing.untraced import Untraced
from application.ports.task_repository import Change
from application.use_cases.maintenance.expire_tasks import ExpireTasks
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from domain.status import Status
from domain.task import Task
from tests.storing import submit

PAST = datetime(2001, 1, 1, tzinfo=UTC)
DAMAGES = {
    "queue": b'{"n":"test","d":3,"q":5}',
    "priority": b'{"n":"test","d":3,"p":"x"}',
    "label": b'{"n":"test","d":3,"l":{"a":1}}',
}


@pytest.fixture
def damage(client: redis.Redis) -> Callable[[Task, str], None]:
    def damage(task: Task, member: str) -> None:
        client.hset(keys.record(task.task_id), "d", DAMAGES[member])

    return damage


@pytest.fixture
def store_clock(redis_store: RedisStore) -> RedisClock:
    return RedisClock(redis_store)


def cancelled(repository: RedisTaskRepository) -> Task:
    task = submit(repository)
    return repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))


@pytest.mark.parametrize("member", DAMAGES)
class TestSweeps:
    def test_due_and_expired_tasks(
        self,
        repository: RedisTaskRepository,
        store_clock: RedisClock,
        damage: Callable[[Task, str], None],
        member: str,
    ) -> None:
        due = [submit(repository, run_at=PAST) for _ in range(2)]
        late = [submit(repository, expires_at=PAST) for _ in range(2)]
        for task in (due[0], late[0]):
            damage(task, member)

        for _ in range(2):  # the damaged ones are set aside, or were changed for all that
            PromoteTasks(repository, store_clock).execute()
            ExpireTasks(repository, store_clock).execute()

        assert stored(repository, due[1]) is Status.QUEUED
        assert stored(repository, late[1]) is Status.EXPIRED

    def test_lost_runs(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        store_clock: RedisClock,
        let_leases_run_out: Callable[[], None],
        damage: Callable[[Task, str], None],
        member: str,
    ) -> None:
        submit(repository), submit(repository)
        runs = [leases.claim("default", owner=f"{name}:1", claim_id="1") for name in "ab"]
        damage(runs[0], member)
        let_leases_run_out()

        for _ in range(2):
            RecoverTasks(repository, leases, store_clock, Untraced()).execute()

        assert stored(repository, runs[1]) is Status.QUEUED

    def test_tasks_past_their_retention(
        self,
        repository: RedisTaskRepository,
        damage: Callable[[Task, str], None],
        member: str,
    ) -> None:
        damaged, other = cancelled(repository), cancelled(repository)
        damage(damaged, member)

        for _ in range(2):
            PruneTasks(repository, timedelta(0)).execute()

        assert repository.get(other.task_id) is None


def test_a_record_under_an_id_that_is_none_holds_up_no_sweep(
    repository: RedisTaskRepository, store_clock: RedisClock, client: redis.Redis
) -> None:
    good = submit(repository, run_at=PAST)
    for raw in (b"short", b"0" * 16, b"1" * 40):
        client.copy(keys.record(good.task_id), (keys.RECORD_PREFIX + raw).decode())
        client.zadd(keys.SCHEDULED, {raw: 1})

    for _ in range(2):
        PromoteTasks(repository, store_clock).execute()

    assert stored(repository, good) is Status.QUEUED
    assert stored_bytes(good.task_id).hex() == good.task_id.replace("-", "")


def stored(repository: RedisTaskRepository, task: Task) -> Any:
    return repository.get_or_raise(task.task_id).status
