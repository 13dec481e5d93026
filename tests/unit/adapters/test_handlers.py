import pytest

from adapters.handlers import sleep
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.system.clock import SystemClock
from tests.building import a_task
from tests.contracts.clock import ClockContract
from tests.contracts.task_handlers import TaskHandlersContract
from tests.fakes.run_context import FakeRunContext


class TestHandlerRegistry(TaskHandlersContract):
    @pytest.fixture
    def handlers(self) -> HandlerRegistry:
        return HandlerRegistry([SleepHandler()])


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()


def test_sleep_takes_its_duration_and_says_each_second_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(sleep.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sleep.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    context = FakeRunContext()

    assert SleepHandler().run(a_task(duration=4), context) == "Task completed in 4 seconds"

    assert now == [104.0]
    assert context.reports == [(0.25, "1 of 4 seconds"), (0.5, "2 of 4 seconds"), (0.75, "3 of 4 seconds")]
