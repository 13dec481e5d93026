"""The rules for unsafe and full stores, and the measures against a full one."""

import pytest

from application.ports.store_probe import StoreCapacity, StoreSettings
from application.store_rules import is_disk_full, is_memory_full, store_warnings
from application.use_cases.maintenance.guard_capacity import GuardCapacity
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_store import FakeTaskStore

REFUSE, DROP = "refuse new tasks for 3 s", "drop events older than 10 s"
MIB = 2**20


def memory(used: int, limit: int) -> StoreCapacity:
    return StoreCapacity(used_memory=used, max_memory=limit)


def disk(free_mib: int | None, size_mib: int | None) -> StoreCapacity:
    free, size = (None if mib is None else mib * MIB for mib in (free_mib, size_mib))
    return StoreCapacity(used_memory=1, max_memory=0, free_disk=free, disk_size=size)


@pytest.mark.parametrize(
    ("used", "limit", "full"), [(849, 1_000, False), (850, 1_000, True), (10**12, 0, False)]
)
def test_memory_is_full_from_85_percent_of_its_limit_on(used: int, limit: int, full: bool) -> None:
    assert is_memory_full(memory(used, limit)) is full


@pytest.mark.parametrize(
    ("free_mib", "size_mib", "full"),
    [
        (63, 100_000, True),
        (64, 100_000, False),
        (9, 200, True),
        (10, 200, False),
        (None, None, False),
    ],
)
def test_a_disk_is_full_below_64_mib_or_5_percent(
    free_mib: int | None, size_mib: int | None, full: bool
) -> None:
    assert is_disk_full(disk(free_mib, size_mib)) is full


def test_each_unsafe_setting_is_named_with_its_cure() -> None:
    unsafe = StoreSettings(eviction_policy="allkeys-lru", is_persistent=False)

    assert store_warnings(unsafe) == [
        "maxmemory-policy is allkeys-lru: Redis may evict tasks. Set it to noeviction.",
        "appendonly is no: a restart of Redis forgets tasks. Set it to yes.",
    ]


def test_a_safe_store_has_no_warnings() -> None:
    safe = StoreSettings(eviction_policy="noeviction", is_persistent=True)

    assert store_warnings(safe) == []


@pytest.mark.parametrize(
    ("capacity", "done"),
    [
        (memory(1, 1_000), []),
        (memory(900, 1_000), [REFUSE, DROP]),
        (disk(1, 100_000), [REFUSE]),
    ],
)
def test_a_full_store_refuses_new_tasks_and_full_memory_costs_old_events(
    store: FakeTaskStore, capacity: StoreCapacity, done: list[str]
) -> None:
    probe = FakeStoreProbe(store)
    probe.capacity_now = capacity

    assert GuardCapacity(probe).execute() is bool(done)

    assert probe.done == done
