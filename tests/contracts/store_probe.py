"""The contract of StoreProbe, inherited by the tests of its fake and of its adapter, with the repository whose store it checks."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from application.errors import StoreFull, StoreUnavailable
from application.ports.store_probe import StoreProbe
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.status import Status
from tests.contracts.task_leases import claim
from tests.contracts.task_repository import submit


class StoreProbeContract:
    """`make_unsafe` and `fill_store` change the store of `probe`; `unavailable_probe` has none."""

    def test_a_safe_store_responds_and_has_no_warnings(self, probe: StoreProbe) -> None:
        probe.check()

        assert list(probe.warnings()) == []
        assert not probe.guard_capacity()

    def test_an_unsafe_store_responds_with_warnings(self, probe: StoreProbe, make_unsafe: Callable[[], None]) -> None:
        make_unsafe()

        probe.check()
        assert [warning for warning in probe.warnings() if "appendonly" in warning]

    def test_a_full_store_is_closed_for_new_tasks_alone(
        self, repository: TaskRepository, leases: TaskLeases, probe: StoreProbe, fill_store: Callable[[], None]
    ) -> None:
        submit(repository)
        fill_store()

        assert probe.guard_capacity()

        with pytest.raises(StoreFull):
            submit(repository)
        run = claim(leases)
        ended = repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))
        assert ended.status is Status.COMPLETED

    def test_a_store_that_cannot_be_reached_is_unavailable(self, unavailable_probe: StoreProbe) -> None:
        for call in (unavailable_probe.check, unavailable_probe.warnings, unavailable_probe.guard_capacity):
            with pytest.raises(StoreUnavailable):
                call()
