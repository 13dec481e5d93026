"""Facts about Redis, and what is done when it is full."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import redis

from adapters.celery.wake_ups import CeleryWakeUps
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.id_codec import id_bytes
from adapters.redis.store import RedisStore
from adapters.redis.store_probe import RedisStoreProbe
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StoreFull
from application.ports.task_repository import Change
from application.use_cases.maintenance.guard_capacity import GuardCapacity
from application.use_cases.operations.check_store import CheckStore
from tests.contracts.heartbeats import a_process
from tests.contracts.store_probe import StoreProbeContract
from tests.storing import claim, submit


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

    def test_a_safe_store_has_no_warnings(self, probe: RedisStoreProbe) -> None:
        assert CheckStore(probe).execute() == []

    def test_each_unsafe_setting_is_named_with_its_cure(
        self, probe: RedisStoreProbe, client: redis.Redis
    ) -> None:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")

        eviction, persistence = CheckStore(probe).execute()

        assert "allkeys-lru" in eviction
        assert "noeviction" in eviction
        assert "appendonly" in persistence

    def test_a_nearly_full_store_refuses_new_tasks_alone(
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

    def test_a_store_full_of_events_accepts_new_tasks_again(
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

    def test_a_full_store_refuses_new_tasks_also_when_its_events_cannot_be_dropped(
        self, probe: RedisStoreProbe, client: redis.Redis
    ) -> None:
        client.set("tm:events", "text")
        client.config_set("maxmemory", 1_000_000)

        with pytest.raises(redis.ResponseError):
            GuardCapacity(probe).execute()

        assert client.exists("tm:full")

    def test_the_last_event_stays_so_that_its_followers_receive_none_again(
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
    def test_a_store_with_a_nearly_full_disk_refuses_new_tasks_alone(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, redis_store: RedisStore,
        monkeypatch: pytest.MonkeyPatch,
        free_mib: int, size_mib: int, on_this_host: bool, closed: bool,
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

    def test_a_folder_that_is_not_on_this_host_is_not_measured(
        self, redis_store: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(path: bytes) -> None:
            raise FileNotFoundError(path)

        monkeypatch.setattr("adapters.redis.store_probe.os.statvfs", missing)

        assert not GuardCapacity(RedisStoreProbe(redis_store, on_this_host=True)).execute()


def test_a_store_beyond_its_memory_accepts_heartbeats_and_wake_ups(
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
