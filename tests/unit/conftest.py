import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FakeTaskStore:
    return FakeTaskStore(clock)
