"""Scripts, connections and outages of Redis."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import pytest
import redis

from adapters.redis.connection import connect
from adapters.redis.effects import Effects
from adapters.redis.exchange import packed
from adapters.redis.store import RedisStore
from adapters.redis.store_probe import RedisStoreProbe
from adapters.redis.stored_scripts import PlainCommand
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StoreUnavailable
from application.ports.task_repository import Change
from domain.status import Status
from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.conftest import EVENTS_KEPT
from tests.integration.waiting import PATIENCE, wait_until
from tests.storing import claim, submit

KEY, OTHER = b"one", b"other"
LENGTH = PlainCommand(packed("LLEN", KEY))


class TestScripts:
    def test_a_script_that_the_server_has_lost_is_loaded_again(
        self, redis_store: RedisStore, client: redis.Redis
    ) -> None:
        push = a_push(redis_store)
        push()
        client.script_flush()

        *_, length = redis_store.pipeline_scripts([push.call, push.call, LENGTH])

        assert client.llen(KEY) == length == 3

    def test_scripts_that_are_flushed_repeatedly_are_sent_with_the_call(
        self, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with connect(redis_url) as own:
            load = own.script_load
            monkeypatch.setattr(
                own, "script_load", lambda source: (load(source), client.script_flush())
            )
            client.script_flush()

            calls = [a_push(RedisStore(own)).call] * 3
            *_, length = RedisStore(own).pipeline_scripts([*calls, LENGTH])

            assert client.llen(KEY) == length == 3

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

    def test_a_fork_does_not_share_a_kept_connection(
        self, redis_url: str, client: redis.Redis
    ) -> None:
        fork = get_context("fork")
        with connect(redis_url) as own:
            push = a_push(RedisStore(own, keep_connections=True))
            push()
            before = {each["id"] for each in client.client_list()}
            over = fork.Event()
            child = fork.Process(target=lambda: (push(), over.wait(PATIENCE)))
            child.start()

            wait_until(lambda: client.llen(KEY) == 2)
            new = {each["id"] for each in client.client_list()} - before
            over.set()
            child.join()

            assert (len(new), child.exitcode) == (1, 0)

    def test_a_batch_loads_an_unknown_script_once(
        self, redis_store: RedisStore, client: redis.Redis
    ) -> None:
        push = a_push(redis_store)
        client.script_flush()
        client.config_resetstat()

        redis_store.pipeline_scripts([push.call] * 20)

        assert client.llen(KEY) == 20
        assert client.info("commandstats")["cmdstat_script|load"]["calls"] == 1

    def test_a_kept_connection_that_was_closed_fails_once(
        self, redis_url: str, client: redis.Redis
    ) -> None:
        with connect(redis_url) as own:
            push = a_push(RedisStore(own, keep_connections=True))
            push()
            client.client_kill_filter(_type="normal", skipme=True)

            with pytest.raises(StoreUnavailable):
                push()

            push()
            assert client.llen(KEY) == 2

    def test_a_kept_connection_that_was_closed_while_idle_does_not_fail(
        self, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.redis.exchange.IDLE_SECONDS", 0.0)
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
    """Faults of a server that no other test uses."""

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

    def test_a_stopped_store_is_unavailable_at_once_and_comes_back_by_itself(
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

    @pytest.mark.parametrize("keep_connections", [False, True])
    def test_no_connection_to_a_server_that_became_a_replica_is_used_again(
        self, server: EmbeddedRedis, process: subprocess.Popen, keep_connections: bool
    ) -> None:
        """Its connections stay open after a failover, and its address leads to another."""
        store = RedisStore(connect(server.url), keep_connections=keep_connections)
        push = a_push(store)
        push()
        with store.client() as own:
            own.ping()
        with redis.Redis.from_url(server.url) as client:
            before = {each["id"] for each in client.client_list()} - {str(client.client_id())}
            client.replicaof("127.0.0.1", 1)
            with pytest.raises(StoreUnavailable):
                push()
            with pytest.raises(StoreUnavailable), store.client() as own:
                own.delete(KEY)
            client.replicaof("NO", "ONE")
            push()

            assert before.isdisjoint(each["id"] for each in client.client_list())
            assert client.llen(KEY) == 2

    def test_a_full_server_refuses_new_tasks_and_finishes_old_ones(
        self, server: EmbeddedRedis, process: subprocess.Popen, wake_up_factory
    ) -> None:
        store = RedisStore(connect(server.url))
        repository = RedisTaskRepository(store, wake_up_factory.wake_up_of, EVENTS_KEPT)
        leases = RedisTaskLeases(
            store, repository, wake_up_factory.wake_up_of, timedelta(seconds=15), EVENTS_KEPT
        )
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
        repository = RedisTaskRepository(
            RedisStore(client), wake_up_factory.wake_up_of, EVENTS_KEPT
        )
        task = submit(repository)
        with redis.Redis.from_url(server.url) as later:
            later.set("later", 1)
            later.waitaof(1, 0, 0)  # the server may reply before it writes
        process.kill()
        process.wait()

        again = server.start()
        try:
            wait_until(lambda: _is_up(server))
            assert repository.get(task.task_id) == task
        finally:
            again.kill()
            again.wait()


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
