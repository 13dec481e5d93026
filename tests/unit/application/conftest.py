"""Fixtures that most tests of use cases need, on the fake store."""

import pytest

from adapters.system.task_ids import UuidTaskIds
from application.admission import Admission
from application.new_tasks import NewTasks
from application.optimistic_update import OptimisticUpdate
from tests.fakes.clock import FakeClock
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.webhook_sender import FakeWebhookSender


@pytest.fixture
def admission() -> Admission:
    return Admission(FakeTaskHandlers(lambda task: None), FakeWebhookSender())


@pytest.fixture
def new_tasks(store: FakeTaskStore, clock: FakeClock) -> NewTasks:
    return NewTasks(store, UuidTaskIds(), clock)


@pytest.fixture
def update(store: FakeTaskStore) -> OptimisticUpdate:
    return OptimisticUpdate(store)
