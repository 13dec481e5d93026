"""Heartbeats, and the health check that reads them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.errors import StoreUnavailable, StoreUnsafe
from application.ports.heartbeats import ServiceProcess
from application.use_cases.operations.check_health import CheckHealth
from application.use_cases.operations.send_heartbeat import SendHeartbeat
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_store import FakeTaskStore


def test_a_role_is_healthy_with_a_recent_heartbeat_of_this_host(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    heartbeats = FakeHeartbeats(clock)
    health = CheckHealth(FakeStoreProbe(store), heartbeats, host="host", must_be_safe=True)
    assert health.execute("api")
    assert not health.execute("worker")
    assert SendHeartbeat(heartbeats).execute(a_process(name="elsewhere", host="elsewhere"))
    assert not health.execute("worker")

    assert SendHeartbeat(heartbeats).execute(a_process())

    assert health.execute("worker")
    assert not health.execute("maintenance")
    clock.advance(timedelta(seconds=15))
    assert not health.execute("worker")


def test_a_heartbeat_that_fails_does_not_stop_the_process_and_is_logged_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    class AwayHeartbeats(FakeHeartbeats):
        def beat(self, process: ServiceProcess) -> None:
            raise StoreUnavailable("away")

    send = SendHeartbeat(AwayHeartbeats(clock))

    assert [send.execute(a_process()) for _ in range(3)] == [False] * 3
    assert caplog.text.count("No heartbeat") == 1


@pytest.mark.parametrize("must_be_safe", [True, False])
def test_an_unsafe_store_is_unhealthy_only_where_it_must_be_safe(
    store: FakeTaskStore, clock: FakeClock, must_be_safe: bool
) -> None:
    probe = FakeStoreProbe(store)
    probe.settings_now = replace(probe.settings_now, is_persistent=False)
    health = CheckHealth(probe, FakeHeartbeats(clock), host="host", must_be_safe=must_be_safe)

    if not must_be_safe:
        assert health.execute("api")
        return
    with pytest.raises(StoreUnsafe):
        health.execute("api")
