"""Submit tasks as a caller does, and claim them as a worker does, on the fake store."""

from datetime import timedelta

from adapters.system.task_ids import UuidTaskIds
from adapters.tracing.untraced import Untraced
from application.admission import Admission
from application.new_tasks import NewTasks
from application.ports.callers import Anyone
from application.use_cases.tasks.submit_task import SubmitTask
from domain.task import Task
from tests.building import a_spec
from tests.fakes.clock import FakeClock
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.webhook_sender import FakeWebhookSender

LEASE = timedelta(seconds=15)
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
HANDLERS = FakeTaskHandlers(lambda task: None)
ADMISSION = Admission(HANDLERS, FakeWebhookSender(), max_payload_bytes=262_144)


def submit(store: FakeTaskStore, clock: FakeClock, **members: object) -> Task:
    new_tasks = NewTasks(store, UuidTaskIds(), clock, Anyone(), Untraced())
    [task] = SubmitTask(ADMISSION, new_tasks).execute(a_spec(**members)).tasks
    return task


def claim(store: FakeTaskStore, owner: str = "a:1") -> Task:
    task = store.claim("default", owner=owner, claim_id="1")
    assert task is not None
    return task
