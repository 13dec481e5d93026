"""Lets other Celery programs read the state and result of tasks by AsyncResult(task_id).

Name it as the result backend:
`adapters.celery.result_backend:TaskResultBackend+redis://host:6379/0`, or with a sentinel:// URL.
"""

from typing import Any

from celery import states
from celery.app.base import Celery
from celery.backends.base import BaseBackend
from celery.exceptions import ImproperlyConfigured
from kombu.utils.url import maybe_sanitize_url

from adapters.redis.connection import connect
from adapters.redis.failures import is_access_refusal
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from adapters.redis.wake_ups import WakeUp
from application.errors import StoreUnavailable
from application.sentinel_url import SentinelUrl, masked
from domain.status import Status
from domain.task import Task
from domain.task_error import TaskError

STATES = {
    Status.SCHEDULED: states.PENDING,
    Status.QUEUED: states.PENDING,
    Status.PROCESSING: states.STARTED,
    Status.COMPLETED: states.SUCCESS,
    Status.FAILED: states.FAILURE,
    Status.CANCELLED: states.REVOKED,
    Status.EXPIRED: states.REVOKED,
}


class TaskResultBackend(BaseBackend):
    """Reads tasks.

    Storing and forgetting results do nothing, because the task record is the truth.
    """

    def __init__(self, app: Celery, url: str, **options: Any) -> None:
        super().__init__(app, url=url, **options)
        self._url = url
        self._shown_url = masked(url) if SentinelUrl.matches(url) else maybe_sanitize_url(url)
        self._repository = RedisTaskRepository(
            RedisStore(connect(url)), _no_wake_ups, events_kept=0
        )

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL, without its secrets unless they are wanted."""
        return self._url if include_password else self._shown_url

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        task = self._task(task_id)
        if task is None:
            return {"task_id": task_id, "status": states.PENDING, "result": None}
        meta: dict[str, Any] = self.meta_from_decoded(_meta(task))
        return meta

    def _task(self, task_id: str) -> Task | None:
        """Raises ImproperlyConfigured if Redis refuses access, ConnectionError while it is away."""
        try:
            return self._repository.get(task_id)
        except StoreUnavailable as error:
            if is_access_refusal(error.__cause__):
                raise self._refused(error.reason) from error
            raise ConnectionError(
                f"The result backend {self._shown_url} is not available: "
                f"{error.reason.rstrip('.')}. "
                "Check that the service's Redis runs, or try again."
            ) from error
        except Exception as error:
            if is_access_refusal(error):
                raise self._refused(str(error)) from error
            raise

    def _refused(self, reason: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(
            f"The result backend {self._shown_url} refuses this program: {reason.rstrip('.')}. "
            "Give the URL the user and the password of the service's Redis."
        )

    def store_result(self, *_: Any, **__: Any) -> None:
        """Does nothing."""

    def _forget(self, task_id: str) -> None:
        """Does nothing."""


def _meta(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "status": STATES[task.status],
        "result": _exception(task.status, task.error) if task.error else task.result,
        "traceback": None,
        "children": [],
        "date_done": task.finished_at and task.finished_at.isoformat(),
    }


def _exception(status: Status, error: TaskError) -> dict[str, Any]:
    """Return an exception in the form in which Celery stores it. `AsyncResult.get` raises it."""
    if STATES[status] == states.REVOKED:
        return {
            "exc_type": "TaskRevokedError",
            "exc_message": [error.message],
            "exc_module": "celery.exceptions",
        }
    return {"exc_type": error.code, "exc_message": [error.message], "exc_module": None}


def _no_wake_ups(queue: str) -> WakeUp:
    raise AssertionError(f"the result backend only reads, but was asked for a wake-up of {queue}")
