"""Facts about a store in memory, as a test sets them."""

from datetime import timedelta

from application.ports.store_probe import StoreCapacity, StoreProbe, StoreSettings
from tests.fakes.task_store import FakeTaskStore


class FakeStoreProbe(StoreProbe):
    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store
        self.settings_now = StoreSettings(eviction_policy="noeviction", is_persistent=True)
        self.capacity_now = StoreCapacity(used_memory=1, max_memory=0)
        self.done: list[str] = []
        """Measures taken against a full store, in order."""

    def check(self) -> None:
        self._store.check()

    def settings(self) -> StoreSettings:
        self.check()
        return self.settings_now

    def capacity(self) -> StoreCapacity:
        self.check()
        return self.capacity_now

    def refuse_new_tasks(self, duration: timedelta) -> None:
        self.check()
        self._store.full = True
        self.done.append(f"refuse new tasks for {duration.total_seconds():g} s")

    def drop_old_events(self, keep: timedelta) -> None:
        self.check()
        del self._store.events[:-1]
        self.done.append(f"drop events older than {keep.total_seconds():g} s")
