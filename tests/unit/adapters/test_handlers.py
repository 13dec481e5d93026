import pytest

from adapters.handlers import sleep
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.system_clock import SystemClock
from tests.building import a_task
from tests.contracts.clock import ClockContract
from tests.contracts.task_handlers import TaskHandlersContract


class TestHandlerRegistry(TaskHandlersContract):
    @pytest.fixture
    def handlers(self) -> HandlerRegistry:
        return HandlerRegistry({"sleep": SleepHandler()})


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()


def test_sleep_takes_its_duration_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(sleep.time, "sleep", slept.append)

    assert SleepHandler().run(a_task(duration=10)) == "Task completed in 10 seconds"
    assert sum(slept) == 10
