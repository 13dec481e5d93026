"""The contract of StoreProbe, inherited by the tests of its fake and of its adapter.

The repository of the same store refuses or accepts new tasks.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from application.errors import StoreFull
from application.ports.store_probe import StoreProbe
from application.ports.task_repository import Change, TaskRepository
from tests.building import a_task
from tests.storing import submit


class StoreProbeContract:
    """The fixtures are `probe`, `repository` and `number_of_events`."""

    def test_a_store_that_replies_passes_the_check(self, probe: StoreProbe) -> None:
        probe.check()

    def test_settings_of_a_safe_store_say_that_it_keeps_everything(self, probe: StoreProbe) -> None:
        settings = probe.settings()

        assert (settings.eviction_policy, settings.is_persistent) == ("noeviction", True)

    def test_capacity_is_measured_in_bytes(self, probe: StoreProbe) -> None:
        capacity = probe.capacity()

        assert capacity.used_memory > 0
        assert (capacity.max_memory, capacity.free_disk, capacity.disk_size) == (0, None, None)

    def test_new_tasks_alone_are_refused(
        self, probe: StoreProbe, repository: TaskRepository
    ) -> None:
        task = submit(repository)

        probe.refuse_new_tasks(timedelta(minutes=1))

        with pytest.raises(StoreFull):
            repository.add([a_task()])
        repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))

    def test_the_last_event_is_kept_when_old_ones_are_dropped(
        self,
        probe: StoreProbe,
        repository: TaskRepository,
        number_of_events: Callable[[], int],
    ) -> None:
        submit(repository)

        probe.drop_old_events(timedelta(0))

        assert number_of_events() == 1
