from typing import Any

import pytest

from adapters.handlers import sleep
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.system.clock import SystemClock
from domain.errors import InvalidTaskSpec
from tests.building import a_spec, a_task
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


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"duration": None}, ["duration"]),
        ({"duration": 0}, ["duration"]),
        ({"duration": 86_401, "payload": {"a": 1}}, ["duration", "payload"]),
        ({"payload": {"a": 1}}, ["payload"]),
    ],
)
def test_sleep_needs_a_duration_in_its_range_and_takes_no_payload(
    members: dict[str, Any], wrong: list[str]
) -> None:
    with pytest.raises(InvalidTaskSpec) as refusal:
        SleepHandler().validate(a_spec(**members))

    assert [member for member, _ in refusal.value.violations] == wrong


@pytest.mark.parametrize("duration", [1, 86_400])
def test_sleep_times_out_a_minute_after_its_duration(duration: int) -> None:
    spec = a_spec(duration=duration)
    SleepHandler().validate(spec)

    assert SleepHandler().default_timeout(spec) == duration + 60


def test_sleep_takes_its_duration_and_reports_progress_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(sleep.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sleep.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    context = FakeRunContext()

    assert SleepHandler().run(a_task(duration=4), context) == "Task completed in 4 seconds"

    assert now == [104.0]
    assert context.reports == [
        (0.25, "1 of 4 seconds"),
        (0.5, "2 of 4 seconds"),
        (0.75, "3 of 4 seconds"),
    ]
