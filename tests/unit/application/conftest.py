"""Fixtures that several tests of use cases need, on the fake store."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.handlers.run_context import BufferedRunContextFactory
from adapters.supervision.task_process import TaskProcess
from adapters.system.cron_times import SystemCronTimes
from adapters.system.task_ids import UuidTaskIds
from adapters.tracing.untraced import Untraced
from application.admission import Admission
from application.handler_outcomes import HandlerOutcomes
from application.new_tasks import NewTasks
from application.optimistic_update import OptimisticUpdate
from application.ports.callers import Anyone
from application.schedule_tasks import ScheduleTasks
from application.use_cases.maintenance.start_due_slots import StartDueSlots
from application.use_cases.worker.finish_run import FinishRun
from application.use_cases.worker.run_handler import RunHandler
from application.use_cases.worker.run_tasks import RunTasks
from application.use_cases.worker.trace_run import TraceRun
from domain.schedule import Schedule
from domain.schedule_spec import Overlap
from tests.contracts.schedules import a_schedule
from tests.fakes.clock import FakeClock
from tests.fakes.lease_keeper import FakeLeaseKeeper
from tests.fakes.run_interrupt import FakeRunInterrupt
from tests.fakes.schedules import FakeSchedules
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.tracer import FakeTracer
from tests.unit.application.callers import ADMISSION
from tests.unit.application.slots import Add


@pytest.fixture
def admission() -> Admission:
    return ADMISSION


@pytest.fixture
def new_tasks(store: FakeTaskStore, clock: FakeClock) -> NewTasks:
    return NewTasks(store, UuidTaskIds(), clock, Anyone(), Untraced())


@pytest.fixture
def update(store: FakeTaskStore) -> OptimisticUpdate:
    return OptimisticUpdate(store)


@pytest.fixture
def keeper() -> FakeLeaseKeeper:
    return FakeLeaseKeeper()


@pytest.fixture
def interrupt() -> FakeRunInterrupt:
    return FakeRunInterrupt()


@pytest.fixture
def tracer(clock: FakeClock) -> FakeTracer:
    return FakeTracer(clock)


@pytest.fixture
def run_tasks(
    store: FakeTaskStore,
    clock: FakeClock,
    keeper: FakeLeaseKeeper,
    interrupt: FakeRunInterrupt,
    tracer: FakeTracer,
) -> Callable[..., RunTasks]:
    def build(work: Callable[..., Any], clock: FakeClock = clock) -> RunTasks:
        contexts = BufferedRunContextFactory(store, interrupt, TaskProcess())
        return RunTasks(
            leases=store,
            run_handler=RunHandler(
                FakeTaskHandlers(work),
                contexts,
                interrupt,
                TraceRun(tracer, store),
                HandlerOutcomes(max_result_bytes=1_000, limit_name="TASKS_MAX_RESULT_BYTES"),
            ),
            finish_run=FinishRun(OptimisticUpdate(store), clock),
            keeper=keeper,
            clock=clock,
            owner="a:1",
        )

    return build


@pytest.fixture
def schedules(store: FakeTaskStore, clock: FakeClock) -> FakeSchedules:
    return FakeSchedules(store, clock)


@pytest.fixture
def start(
    schedules: FakeSchedules, store: FakeTaskStore, update: OptimisticUpdate, clock: FakeClock
) -> StartDueSlots:
    tasks = ScheduleTasks(schedules, FakeTracer(clock))
    return StartDueSlots(schedules, tasks, store, update, SystemCronTimes(), clock)


@pytest.fixture
def add(schedules: FakeSchedules, clock: FakeClock) -> Add:
    """Store a schedule of every hour, which begins now."""

    def add(name: str = "nightly", **members: Any) -> Schedule:
        timing = {} if "cron" in members else {"every": 3600}
        schedule = a_schedule(name, clock.now(), **{"overlap": Overlap.QUEUE, **timing, **members})
        schedules.add(schedule)
        return schedule

    return add
