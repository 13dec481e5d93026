"""Each duty of maintenance gets its turn, also when others fail."""

import signal
import threading
from datetime import timedelta

import pytest

from application.errors import StoreFull, StoreUnavailable
from application.ports.task_repository import Change
from domain.status import Status
from entrypoints.container import Container
from entrypoints.maintenance.process import TICK_SECONDS, Maintenance
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore


def fail(error: Exception):
    def raise_it(*_: object, **__: object) -> None:
        raise error

    return raise_it


@pytest.fixture
def late(store: FakeTaskStore, clock: FakeClock):
    task = store.save(
        Change(before=None, after=a_task(expires_at=clock.now() + timedelta(seconds=1)))
    )
    clock.advance(timedelta(seconds=1))
    return task


@pytest.mark.parametrize("read", ["expired", "due", "discarded", "past_retention", "capacity"])
def test_a_failing_duty_is_logged_once_and_the_others_are_done(
    container: Container,
    store: FakeTaskStore,
    late,
    read: str,
    monkeypatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = container.store_probe() if read == "capacity" else store
    monkeypatch.setattr(owner, read, fail(RuntimeError("no")))
    maintenance = Maintenance(container)

    assert [maintenance.tick() for _ in range(3)] == [TICK_SECONDS] * 3

    assert store.get(late.task_id).status is Status.EXPIRED
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    monkeypatch.undo()
    caplog.set_level("INFO")
    maintenance.tick()
    assert [record.action for record in caplog.records if record.levelname == "INFO"] == [
        "duty_back"
    ]


def test_a_duty_that_a_full_store_refuses_does_not_end_the_round(
    container: Container, store: FakeTaskStore, late, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "expired", fail(StoreFull("OOM command not allowed")))
    maintenance = Maintenance(container)

    maintenance.tick()

    assert store.get(late.task_id).status is Status.EXPIRED
    maintenance.tick()
    assert [record.action for record in caplog.records] == ["duty_failed"]


def test_a_failing_heartbeat_delays_no_duty(
    container: Container, store: FakeTaskStore, heartbeats: FakeHeartbeats, late, monkeypatch
) -> None:
    monkeypatch.setattr(heartbeats, "beat", fail(RuntimeError("no")))

    Maintenance(container).tick()

    assert store.get(late.task_id).status is Status.EXPIRED


def test_a_duty_that_alone_finds_the_store_unreachable_does_not_starve_the_later_ones(
    container: Container, store: FakeTaskStore, late, monkeypatch
) -> None:
    monkeypatch.setattr(store, "expired", fail(StoreUnavailable("timeout")))
    maintenance = Maintenance(container)

    for _ in range(2):
        maintenance.tick()

    assert store.get(late.task_id).status is Status.EXPIRED


@pytest.mark.timeout(60)
def test_a_request_to_stop_may_arrive_while_a_lock_of_the_process_is_held(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that sets an Event would wait for ever for the wait that it interrupts."""
    waits = threading.Event.wait

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread() is threading.main_thread():
            with event._cond:  # type: ignore[attr-defined]
                signal.raise_signal(signal.SIGTERM)
        return waits(event, timeout)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    maintenance = Maintenance(container)
    monkeypatch.setattr(maintenance, "tick", lambda: signal.raise_signal(signal.SIGTERM) or 0)
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    try:
        maintenance.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
