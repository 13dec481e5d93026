"""Changes count only when replicas have them: TASKS_REDIS_MIN_REPLICAS."""

import os
import signal
from collections.abc import Iterator

import pytest

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.access_keys import RedisAccessKeys
from adapters.redis.confirmation import Confirmation
from adapters.redis.connection import connect
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import AlreadySubmitted, StoreUnavailable, StoreUnconfirmed
from application.ports.task_repository import IdempotencyRecord
from tests.building import a_task
from tests.chaos.server import ChaosServer
from tests.chaos.watched_servers import SYNC_AT_ONCE
from tests.contracts.access_keys import a_key
from tests.integration.conftest import EVENTS_KEPT
from tests.integration.processes import Api
from tests.integration.waiting import wait_until

RECORD = IdempotencyRecord(key="key", request_hash=b"h" * 32)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChaosServer, ChaosServer]]:
    """A master and a server that may be its replica."""
    folder = tmp_path_factory.mktemp("servers")
    servers = (
        ChaosServer(folder / "master", "everysec", *SYNC_AT_ONCE),
        ChaosServer(folder / "replica", "everysec", *SYNC_AT_ONCE),
    )
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.kill()
        server.client.close()


@pytest.fixture
def master(servers: tuple[ChaosServer, ChaosServer]) -> ChaosServer:
    master, _ = servers
    master.client.flushall()
    return master


@pytest.fixture
def replica(servers: tuple[ChaosServer, ChaosServer], master: ChaosServer) -> Iterator[ChaosServer]:
    """The replica of the master, which follows it."""
    _, replica = servers
    replica.client.replicaof("127.0.0.1", master.port)
    wait_until(lambda: master.client.wait(1, 100))
    yield replica
    leave(replica, master)


def leave(replica: ChaosServer, master: ChaosServer) -> None:
    """Let the replica follow the master no more, and wait until the master knows."""
    replica.client.replicaof("NO", "ONE")
    wait_until(lambda: not master.client.info("replication")["connected_slaves"])


def has_caught_up(master: ChaosServer) -> bool:
    """Return whether the replica has all that was written so far."""
    master.client.publish("of a test", "")  # WAIT asks for what its own connection has written
    return bool(master.client.wait(1, 100))


@pytest.fixture(scope="module")
def server(
    servers: tuple[ChaosServer, ChaosServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    log = tmp_path_factory.mktemp("api") / "api.log"
    url = servers[0].url
    with Api(log, redis_url=url, redis_min_replicas=1, http_workers=1) as api:
        yield api


def a_repository(server: ChaosServer) -> RedisTaskRepository:
    """A repository that confirms its writes, on connections of its own."""
    store = RedisStore(connect(server.url), confirmation=Confirmation(1), confirm_writes=True)
    wake_up_of = WakeUpFactory(create_celery_app(server.url, ["default"])).wake_up_of
    return RedisTaskRepository(store, wake_up_of, EVENTS_KEPT)


def test_a_change_that_a_replica_has_is_acknowledged(
    master: ChaosServer, replica: ChaosServer
) -> None:
    task = a_task()

    a_repository(master).add([task])

    assert replica.client.exists(b"tm:task:" + bytes.fromhex(task.task_id.replace("-", "")))


def test_a_change_that_no_replica_has_is_stored_and_not_acknowledged(master: ChaosServer) -> None:
    task, repository = a_task(), a_repository(master)

    with pytest.raises(StoreUnconfirmed, match="too few replicas"):
        repository.add([task])

    assert repository.get(task.task_id) is not None


def test_a_repeated_submit_is_acknowledged_when_the_replica_has_the_first_one(
    master: ChaosServer, replica: ChaosServer
) -> None:
    first, second = a_task(), a_task()
    os.kill(replica.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnconfirmed):
            a_repository(master).add([first], RECORD)
        # Of this connection alone, the replica has everything: it has written nothing yet.
        with pytest.raises(StoreUnconfirmed):
            a_repository(master).add([second], RECORD)
    finally:
        os.kill(replica.process.pid, signal.SIGCONT)
    wait_until(lambda: has_caught_up(master))

    with pytest.raises(AlreadySubmitted) as earlier:
        a_repository(master).add([second], RECORD)
    assert earlier.value.task_ids == [first.task_id]


def test_a_master_that_demands_replicas_itself_refuses_writes_as_unavailable(
    master: ChaosServer,
) -> None:
    master.client.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(StoreUnavailable) as refusal:
            a_repository(master).add([a_task()])
    finally:
        master.client.config_set("min-replicas-to-write", 0)

    assert "NOREPLICAS" in refusal.value.reason
    assert not isinstance(refusal.value, StoreUnconfirmed)
    assert not master.client.exists("tm:tasks")


def test_a_key_counts_as_added_and_as_revoked_when_a_replica_knows_it(
    master: ChaosServer, replica: ChaosServer
) -> None:
    access_keys = RedisAccessKeys(RedisStore(connect(master.url), confirmation=Confirmation(1)))
    key = a_key()
    access_keys.add(key)
    os.kill(replica.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnconfirmed):
            access_keys.remove(key.key_id)
        with pytest.raises(StoreUnconfirmed):
            access_keys.add(key)
        with pytest.raises(StoreUnconfirmed):
            access_keys.replace(key, key)
    finally:
        os.kill(replica.process.pid, signal.SIGCONT)
    assert access_keys.remove(key.key_id)


class TestApi:
    def test_without_replicas_changes_get_a_503_and_reads_go_on(
        self, master: ChaosServer, server: Api
    ) -> None:
        submits = [
            server.request("POST", "/tasks", json={"task_name": "test", "duration": 1})
            for _ in range(3)
        ]

        for refused in submits:
            assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
            assert "too few replicas" in refused.json()["detail"]
            assert refused.headers["Retry-After"]
        assert server.request("GET", "/tasks").status_code == 200
        assert server.request("GET", "/livez").status_code == 200
        assert master.client.zcard("tm:tasks") <= 1, "only the first of a line is sent"

    def test_a_submit_that_is_repeated_when_the_replica_follows_submits_once(
        self, master: ChaosServer, servers: tuple[ChaosServer, ChaosServer], server: Api
    ) -> None:
        def submit() -> int:
            headers, body = {"Idempotency-Key": "once"}, {"task_name": "test", "duration": 1}
            return server.request("POST", "/tasks", json=body, headers=headers).status_code

        assert submit() == 503
        _, replica = servers
        replica.client.replicaof("127.0.0.1", master.port)
        try:
            wait_until(lambda: submit() == 202)
            assert master.client.zcard("tm:tasks") == replica.client.zcard("tm:tasks") == 1
        finally:
            leave(replica, master)

    def test_a_master_that_demands_replicas_itself_gives_a_503(
        self, master: ChaosServer, server: Api
    ) -> None:
        master.client.config_set("min-replicas-to-write", 1)
        try:
            response = server.request("POST", "/tasks", json={"task_name": "test", "duration": 1})
        finally:
            master.client.config_set("min-replicas-to-write", 0)

        assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
