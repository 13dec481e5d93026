import pytest

from adapters.handlers import sleep
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.system_clock import SystemClock
from application.ports.run_context import RunContext
from tests.building import a_task
from tests.contracts.clock import ClockContract
from tests.contracts.task_handlers import TaskHandlersContract


class TestHandlerRegistry(TaskHandlersContract):
    @pytest.fixture
    def handlers(self) -> HandlerRegistry:
        return HandlerRegistry([SleepHandler()])


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()


class Says(RunContext):
    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []

    def progress(self, fraction: float, message: str = "") -> None:
        self.said.append((fraction, message))

    def log(self, message: str) -> None:
        raise AssertionError(message)


def test_sleep_takes_its_duration_and_says_each_second_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(sleep.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sleep.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    context = Says()

    assert SleepHandler().run(a_task(duration=4), context) == "Task completed in 4 seconds"

    assert now == [104.0]
    assert context.said == [(0.25, "1 of 4 seconds"), (0.5, "2 of 4 seconds"), (0.75, "3 of 4 seconds")]
