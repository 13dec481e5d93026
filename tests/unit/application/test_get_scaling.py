"""The places that a queue needs, from what is stored about its tasks, runs and workers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from application.errors import QueueNotFound
from application.ports.series import HOUR, MINUTE
from application.ports.task_repository import Change
from application.series import OTHERS, Count, Counted, Interval, bucket_of
from application.use_cases.operations.get_scaling import GetScaling, ScalingReport
from domain.task import Task
from tests.building import a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.queues import FakeQueues
from tests.fakes.series import FakeSeries
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, submit

DRAIN = timedelta(minutes=1)


class Hours(FakeSeries):
    """Hours with given runs, and minutes without any."""

    def __init__(self, runs: dict[str, timedelta]) -> None:
        self._runs = runs
        self.asked: list[timedelta] = []

    def latest(self, step: timedelta, number: int) -> Iterator[tuple[datetime, Interval]]:
        self.asked.append(step)
        interval = Interval()
        for queue, duration in self._runs.items() if step == HOUR else ():
            count = Count(Counted.COMPLETED, queue, "type", wait=0, run=bucket_of(duration))
            interval.add(count, 10)
        beginning = datetime(2026, 1, 1, tzinfo=UTC)
        return iter([(beginning + at * step, interval) for at in range(number)])


@pytest.fixture
def heartbeats(clock: FakeClock) -> FakeHeartbeats:
    return FakeHeartbeats(clock)


@pytest.fixture
def scaling(store: FakeTaskStore, clock: FakeClock, heartbeats: FakeHeartbeats) -> GetScaling:
    return GetScaling(FakeQueues(store), heartbeats, store, FakeSeries(store, clock), clock)


def a_run(store: FakeTaskStore, clock: FakeClock, seconds: float) -> None:
    """Run one task for so long."""
    submit(store)
    run: Task = claim(store)
    clock.advance(timedelta(seconds=seconds))
    store.save(Change(before=run, after=run.complete("done", clock.now())))


def test_a_queue_that_nobody_has_named_needs_nothing(scaling: GetScaling) -> None:
    assert scaling.execute("new") == ScalingReport(
        desired_places=0, backlog=0, oldest_waiting_seconds=0.0, idle_workers=0
    )


@pytest.mark.parametrize("name", ["", "Default", "-", "a" * 64, "a\n", "é"])
def test_what_is_no_name_of_a_queue_is_not_found(scaling: GetScaling, name: str) -> None:
    with pytest.raises(QueueNotFound):
        scaling.execute(name)


def test_waiting_tasks_need_places_by_the_time_that_runs_took(
    scaling: GetScaling, store: FakeTaskStore, clock: FakeClock
) -> None:
    a_run(store, clock, 10)
    store.add([a_task() for _ in range(60)])
    store.add([a_task(queue="other") for _ in range(500)])
    clock.advance(timedelta(seconds=3))

    report = scaling.execute("default", DRAIN)

    assert (report.backlog, report.oldest_waiting_seconds) == (60, 3.0)
    assert 9 <= report.desired_places <= 11  # 60 tasks of 10 s in a minute
    assert 18 <= scaling.execute("default", DRAIN / 2).desired_places <= 22


def test_scheduled_tasks_and_those_of_a_paused_queue_need_no_places(
    scaling: GetScaling, store: FakeTaskStore, clock: FakeClock
) -> None:
    submit(store, run_at=clock.now() + timedelta(hours=1))
    assert scaling.execute("default", DRAIN).desired_places == 0
    submit(store)
    claim(store)
    submit(store)
    store.paused.add("default")

    report = scaling.execute("default", DRAIN)

    assert (report.desired_places, report.backlog) == (1, 1)  # the running task goes on
    store.paused.discard("default")
    assert scaling.execute("default", DRAIN).desired_places == 2


def test_runs_are_measured_for_five_minutes_and_then_for_a_day(
    scaling: GetScaling, store: FakeTaskStore, clock: FakeClock
) -> None:
    a_run(store, clock, 60)
    clock.advance(timedelta(minutes=6))
    a_run(store, clock, 6)
    store.add([a_task() for _ in range(100)])
    assert scaling.execute("default", DRAIN).desired_places in range(9, 13)  # 600 s in a minute
    clock.advance(timedelta(minutes=6))
    assert scaling.execute("default", DRAIN).desired_places in range(48, 63)  # the mean is 33 s

    clock.advance(timedelta(hours=25))

    assert scaling.execute("default", DRAIN).desired_places == 100


def test_workers_that_serve_the_queue_and_run_nothing_are_idle(
    scaling: GetScaling, store: FakeTaskStore, heartbeats: FakeHeartbeats, clock: FakeClock
) -> None:
    for name in ("host-1", "host-2", "host-10"):
        heartbeats.beat(a_process(name=name, queues=("default", "second")))
    heartbeats.beat(a_process(name="elsewhere", queues=("other",)))
    submit(store)
    store.claim("default", owner="host-1:7", claim_id="1")

    assert scaling.execute("default").idle_workers == 2
    assert scaling.execute("other").idle_workers == 1
    clock.advance(timedelta(seconds=16))
    assert scaling.execute("default").idle_workers == 0


@pytest.mark.parametrize(
    ("runs", "places"),
    [
        ({"default": timedelta(seconds=6), OTHERS: timedelta(hours=1)}, 10),
        ({"second": timedelta(hours=1), OTHERS: timedelta(seconds=6)}, 10),
        ({"second": timedelta(seconds=6)}, 100),
        ({}, 100),
    ],
)
def test_without_runs_in_these_minutes_those_of_a_day_are_measured(
    store: FakeTaskStore,
    clock: FakeClock,
    heartbeats: FakeHeartbeats,
    runs: dict[str, timedelta],
    places: int,
) -> None:
    series = Hours(runs)
    scaling = GetScaling(FakeQueues(store), heartbeats, store, series, clock)
    assert scaling.execute("default", DRAIN).desired_places == 0
    assert series.asked == []  # without tasks nothing depends on it
    store.add([a_task() for _ in range(100)])

    found = scaling.execute("default", DRAIN).desired_places

    assert places - 1 <= found <= places * 1.12
    assert series.asked == [MINUTE, HOUR]
