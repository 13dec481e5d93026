"""Decide whether a store is safe, and whether it is full."""

from collections.abc import Sequence

from application.ports.store_probe import StoreCapacity, StoreSettings

MAX_MEMORY_SHARE = 0.85
"""Beyond this, new tasks are refused, while there is still room for the results of the others."""
MIN_FREE_DISK_BYTES = 64 * 2**20
MIN_FREE_DISK_SHARE = 0.05
"""The disk is full while less is free than the smaller of both."""


def store_warnings(settings: StoreSettings) -> Sequence[str]:
    """Return one sentence for each setting by which the store may lose what it accepted."""
    warnings = []
    if settings.eviction_policy != "noeviction":
        policy = f"maxmemory-policy is {settings.eviction_policy}"
        warnings.append(f"{policy}: Redis may evict tasks. Set it to noeviction.")
    if not settings.is_persistent:
        warnings.append("appendonly is no: a restart of Redis forgets tasks. Set it to yes.")
    return warnings


def refuses_new_tasks(capacity: StoreCapacity) -> bool:
    """Return whether memory or disk is too full for new tasks."""
    return is_memory_full(capacity) or is_disk_full(capacity)


def is_memory_full(capacity: StoreCapacity) -> bool:
    limit = capacity.max_memory
    return limit > 0 and capacity.used_memory >= MAX_MEMORY_SHARE * limit


def is_disk_full(capacity: StoreCapacity) -> bool:
    """Return False also for a disk that cannot be measured."""
    free, size = capacity.free_disk, capacity.disk_size
    if free is None or size is None:
        return False
    return free < min(MIN_FREE_DISK_BYTES, MIN_FREE_DISK_SHARE * size)
