"""Leases in Redis keep their contract, and some promises of their own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis

from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.id_codec import id_bytes
from adapters.redis.replies import milliseconds
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change, PageRequest
from application.task_filter import TaskFilter
from tests.contracts.task_leases import TaskLeasesContract
from tests.integration.conftest import EVENTS_KEPT, LEASE
from tests.integration.waiting import wait_until
from tests.storing import claim, submit


class TestRedisTaskLeases(TaskLeasesContract):
    def test_a_claim_reads_a_bounded_number_of_expired_tasks_and_puts_a_wake_up(
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

    def test_a_renewed_lease_lasts_as_long_as_a_new_one(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        submit(repository)
        run = claim(leases)
        before = milliseconds(client.time())

        assert leases.renew(run)

        ends = client.zscore("tm:leases", id_bytes(run.task_id))
        assert before + LEASE / timedelta(milliseconds=1) <= ends

    def test_a_run_whose_claim_the_server_has_lost_is_renewed_no_more(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        """The next claim gets the same token after a failover to a replica that lags."""
        submit(repository)
        before = {key: client.dump(key) for key in client.keys("tm:*")}
        forgotten = claim(leases, owner="a:1")
        client.delete(*client.keys("tm:*"))
        for key, value in before.items():
            client.restore(key, 0, value)
        run = claim(leases, owner="b:1")

        assert run.fencing_token == forgotten.fencing_token
        assert [leases.renew(forgotten), leases.renew(run)] == [False, True]

    def test_long_payloads_stay_in_redis_when_a_worker_looks_at_its_runs_and_ends_them(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases
    ) -> None:
        """A worker looks at the runs of all its children every second."""
        payload = {"many": [[]] * 5_000}
        submit(repository, payload=payload, duration=None)
        run = claim(leases)

        [held], [by_prefix] = leases.held_by(["a:1"]), leases.held_by_prefix("a:")
        assert held == by_prefix
        assert held.omitted == ("payload",)
        repository.save(Change(before=held, after=held.lose(datetime.now(UTC))))
        [lost] = leases.lost_by(["a:1"])
        assert lost.task.omitted == ("payload",)
        assert repository.get(run.task_id).spec.payload == payload

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

    def test_other_tasks_are_listed_and_watched_beside_a_damaged_record(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        damaged, whole = submit(repository), submit(repository)
        for number in ("1", "2"):
            leases.claim("default", owner=f"a:{number}", claim_id=number)
        client.hset(b"tm:task:" + id_bytes(damaged.task_id), "d", b"{")

        assert [task.task_id for task in leases.held_by(["a:1", "a:2"])] == [whole.task_id]
        assert [task.task_id for task in repository.find(TaskFilter(), PageRequest()).tasks] == [
            whole.task_id
        ]
        assert [task.task_id for task in repository.get_many([damaged.task_id, whole.task_id])] == [
            whole.task_id
        ]
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

    def test_a_claim_removes_the_task_from_the_expiring_ones(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        submit(repository, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
        assert client.zcard("tm:expiring") == 1

        claim(leases)

        assert client.zcard("tm:expiring") == 0

    def test_no_lease_has_expired_right_after_a_step_of_the_servers_clock(
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
