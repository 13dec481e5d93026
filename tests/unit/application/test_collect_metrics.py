"""Monitoring gets the numbers of the whole service, under bounded names."""

from datetime import timedelta

import pytest

from application.ports.heartbeats import ServiceProcess
from application.ports.statistics import Occurrence
from application.series import OTHERS, Counted
from application.task_totals import MAX_NAMES
from application.use_cases.operations.collect_metrics import CollectMetrics, ServiceMetrics
from domain.status import Status
from tests.contracts.heartbeats import a_process
from tests.contracts.outbox import cancelled
from tests.fakes.clock import FakeClock
from tests.fakes.delivery_log import FakeDeliveryLog
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.series import FakeSeries
from tests.fakes.statistics import FakeStatistics
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, submit


@pytest.fixture
def heartbeats(clock: FakeClock) -> FakeHeartbeats:
    return FakeHeartbeats(clock)


@pytest.fixture
def collect(store: FakeTaskStore, clock: FakeClock, heartbeats: FakeHeartbeats) -> CollectMetrics:
    return CollectMetrics(
        FakeStatistics(store, clock),
        FakeSeries(store, clock),
        FakeQueues(store),
        heartbeats,
        store,
        FakeDeliveryLog(FakeOutbox(store, clock)),
        FakeEventStream(store, clock),
        FakeStoreProbe(store),
        clock,
        clock,
    )


def collected(collect: CollectMetrics, read_up_to: str | None = None) -> ServiceMetrics:
    metrics = collect.execute(read_up_to)
    assert metrics is not None
    return metrics


def test_queues_have_their_tasks_the_oldest_of_them_and_their_workers(
    collect: CollectMetrics, store: FakeTaskStore, clock: FakeClock, heartbeats: FakeHeartbeats
) -> None:
    heartbeats.beat(a_process(name="w1", queues=("default",), concurrency=3))
    heartbeats.beat(a_process(name="w2", queues=("default", "idle"), concurrency=2))
    heartbeats.beat(ServiceProcess(role="maintenance", name="m", host="h", pid=1))
    submit(store)
    claim(store, owner="w1:7")
    submit(store)
    submit(store, queue="lonely")
    store.paused.add("lonely")
    clock.advance(timedelta(seconds=5))

    metrics = collected(collect)

    default, lonely, idle = (metrics.queues[name] for name in ("default", "lonely", "idle"))
    assert (default.stored, default.waiting, default.processing, default.workers) == (2, 1, 1, 2)
    assert default.oldest_waiting_seconds == 5
    assert (lonely.waiting, lonely.workers, lonely.is_paused) == (1, 0, True)
    assert (idle.stored, idle.oldest_waiting_seconds, idle.workers) == (0, 0, 1)
    assert vars(metrics.workers) == {"alive": 2, "places": 5, "busy_places": 1, "maintenance": 1}
    assert metrics.by_status[Status.PROCESSING] == 1
    assert metrics.by_type == {"sleep": 3}
    assert metrics.totals.queues["default"].of[Counted.SUBMITTED] == 2
    assert metrics.occurrences[Occurrence.RUN_STARTED] == 1


def test_callbacks_and_the_lag_of_events_are_measured(
    collect: CollectMetrics, store: FakeTaskStore
) -> None:
    cancelled(store, callback_url="https://hooks.example.com")

    assert collected(collect).event_lag_seconds == 0
    metrics = collected(collect, "0-0")

    assert (metrics.callbacks_pending, metrics.callbacks_due) == (1, 1)
    assert metrics.event_lag_seconds == 1


def test_more_queues_than_have_a_name_count_together(
    collect: CollectMetrics, store: FakeTaskStore, heartbeats: FakeHeartbeats
) -> None:
    heartbeats.beat(a_process(name="w", queues=("z1",)))
    for number in range(MAX_NAMES):
        submit(store, queue=f"q{number:03}")
    for queue in ("z1", "z2", "z2"):
        submit(store, queue=queue)

    metrics = collected(collect)

    assert len(metrics.queues) == MAX_NAMES + 1
    others = metrics.queues["other"]
    assert (others.stored, others.waiting) == (3, 3)
    assert others.workers == 0  # no worker serves z2
    assert metrics.totals.queues[OTHERS].of[Counted.SUBMITTED] == 3


def test_without_the_store_there_are_no_numbers(
    collect: CollectMetrics, store: FakeTaskStore
) -> None:
    store.away = True

    assert collect.execute() is None
