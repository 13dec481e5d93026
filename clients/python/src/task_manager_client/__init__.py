"""A client of the Task Manager API.

from task_manager_client import Client

with Client("http://127.0.0.1:5000") as client:
    task = client.submit("hello", type="greet", payload={"name": "Ada"})
    print(client.result(task.task_id, timeout=60))
"""

from task_manager_client.async_client import AsyncClient
from task_manager_client.batches import BatchLimits
from task_manager_client.bodies import Filter, NewTask, RetrySettings, TaskChanges, TaskSettings
from task_manager_client.client import Client
from task_manager_client.errors import (
    InvalidWebhook,
    Problem,
    ServiceUnreachable,
    TaskManagerError,
    TaskNotCompleted,
    UnexpectedResponse,
    WaitTimedOut,
)
from task_manager_client.events import Event
from task_manager_client.http import __version__
from task_manager_client.models import FINAL_STATUSES, Task
from task_manager_client.retries import NO_RETRIES, Retries
from task_manager_client.webhooks import Webhook, verify_webhook

__all__ = [
    "FINAL_STATUSES",
    "NO_RETRIES",
    "AsyncClient",
    "BatchLimits",
    "Client",
    "Event",
    "Filter",
    "InvalidWebhook",
    "NewTask",
    "Problem",
    "Retries",
    "RetrySettings",
    "ServiceUnreachable",
    "Task",
    "TaskChanges",
    "TaskManagerError",
    "TaskNotCompleted",
    "TaskSettings",
    "UnexpectedResponse",
    "WaitTimedOut",
    "Webhook",
    "__version__",
    "verify_webhook",
]
