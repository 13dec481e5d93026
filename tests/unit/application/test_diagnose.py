"""Diagnose looks at everything in a fixed order, whatever fails meanwhile."""

from datetime import timedelta

import pytest

from application.errors import StoreUnavailable
from application.finding import Finding, Level
from application.ports.heartbeats import Heartbeat
from application.ports.store_inspection import (
    ConnectionFault,
    ScriptFault,
    ScriptsRefused,
    StoreUnreachable,
)
from application.store_layout import PRESENT_LAYOUT
from application.use_cases.operations.diagnose import Diagnose
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.delivery_log import FakeDeliveryLog
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.statistics import FakeStatistics
from tests.fakes.store_inspection import FakeStoreInspection
from tests.fakes.store_layout import FakeStoreLayout
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_counts import FakeTaskCounts
from tests.fakes.task_store import FakeTaskStore
from tests.storing import submit

CHECKS = [
    "redis",
    "version",
    "role",
    "scripts",
    "layout",
    "clock",
    "eviction",
    "persistence",
    "disk",
    "memory",
    "maintenance",
    "workers",
    "queues",
    "types",
    "callbacks",
]


class Host:
    """A host whose clock can differ from that of the store."""

    def __init__(self, store: FakeTaskStore, clock: FakeClock) -> None:
        self.clock = FakeClock(clock.now())
        self.inspection = FakeStoreInspection(clock)
        self.heartbeats, self.layout = FakeHeartbeats(clock), FakeStoreLayout()
        self.layout.raise_to(PRESENT_LAYOUT)
        for process in (a_process("worker", "w", queues=("default",)), a_process("maintenance")):
            self.heartbeats.beat(process)
        self._diagnose = Diagnose(
            self.inspection,
            FakeStoreProbe(store),
            self.layout,
            self.clock,
            self.heartbeats,
            FakeQueues(store),
            FakeStatistics(store, clock),
            FakeTaskCounts(store),
            FakeDeliveryLog(FakeOutbox(store, clock)),
        )

    def findings(self, *types: str) -> list[Finding]:
        return list(self._diagnose.execute("redis://host/0", types or ("sleep",)))

    def bad(self) -> dict[str, str]:
        found = self.findings()
        return {each.check: str(each.level) for each in found if each.level is not Level.OK}


@pytest.fixture
def host(store: FakeTaskStore, clock: FakeClock) -> Host:
    return Host(store, clock)


def test_a_good_service_gets_one_good_finding_of_each_check(host: Host) -> None:
    found = host.findings()

    assert [finding.check for finding in found] == CHECKS
    assert {finding.level for finding in found} == {Level.OK}


def test_nothing_else_is_looked_up_if_the_store_cannot_be_used(host: Host) -> None:
    host.inspection.unreachable = StoreUnreachable(ConnectionFault.NO_REPLY, "silent")

    first, *rest = host.findings()

    assert (first.check, first.level) == ("redis", Level.FAILURE)
    assert [finding.check for finding in rest] == CHECKS[1:]
    assert {finding.level for finding in rest} == {Level.SKIPPED}


def test_scripts_that_are_refused_are_a_failure(host: Host) -> None:
    host.inspection.refused = ScriptsRefused(ScriptFault.FORBIDDEN, "NOPERM")

    assert host.bad() == {"scripts": "failure"}


@pytest.mark.parametrize("ahead", [90, -90])
def test_the_clock_of_the_host_is_compared_with_that_of_the_store(host: Host, ahead: int) -> None:
    host.clock.advance(timedelta(seconds=ahead))

    assert host.bad() == {"clock": "failure"}


@pytest.mark.parametrize("error", [StoreUnavailable("it went away"), KeyError("no")])
def test_a_look_up_that_fails_is_a_finding_and_hides_no_other(
    host: Host, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(role: str) -> list[Heartbeat]:
        raise error

    monkeypatch.setattr(host.heartbeats, "alive", fail)

    found = host.findings()

    assert [finding.check for finding in found] == CHECKS
    bad = [finding for finding in found if finding.level is Level.FAILURE]
    assert [finding.check for finding in bad] == ["maintenance", "workers", "queues"]
    assert all("no" in finding.message or "went away" in finding.message for finding in bad)


def test_types_are_compared_with_those_of_waiting_tasks(host: Host, store: FakeTaskStore) -> None:
    submit(store, type="ghost")
    task = submit(store, type="gone")
    store.remove(task)

    found = {each.check: each for each in host.findings("sleep")}

    assert found["types"].level is Level.FAILURE
    assert "'ghost'" in found["types"].message
    assert {each.check: each for each in host.findings("ghost")}["types"].level is Level.OK
