"""The errors that the client raises."""

import re
from dataclasses import dataclass
from typing import ClassVar

from task_manager_client.models import Model, Task


@dataclass(frozen=True, kw_only=True)
class FieldProblem(Model):
    """One problem of a request, and the member (RFC 6901) or query parameter that has it."""

    message: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProblemDetails(Model):
    """The body of an error response (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: tuple[FieldProblem, ...] = ()
    errors_omitted: int = 0


class TaskManagerError(Exception):
    """Every error of this package."""


class ServiceUnreachable(TaskManagerError):
    """No response came from the service: it is away, too slow, or the connection broke."""

    def __init__(self, url: str, reason: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(f"{url} did not respond: {reason}")
        self.url = url
        self.reason = reason
        self.sent = sent
        """Whether the request may have reached the service, and its change may be applied."""
        self.timed_out = timed_out
        """Whether the time for the response, or for the connection, was over."""


class UnexpectedResponse(TaskManagerError):
    """The response is not one of a Task Manager API, for instance a page of a proxy."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"Unexpected response with status {status}: {reason}")
        self.status = status


class InvalidWebhook(TaskManagerError):
    """The request is not a callback that the service signed, or it is too old."""


class WaitTimedOut(TaskManagerError):
    """The task was not final in time. `task` is its state at the end of the wait."""

    def __init__(self, task: Task, seconds: float) -> None:
        super().__init__(f"Task {task.task_id} is {task.status} after {seconds:g} s of waiting.")
        self.task = task


class TaskNotCompleted(TaskManagerError):
    """The task ended without a result: FAILED, CANCELLED or EXPIRED. `task.error` says why."""

    def __init__(self, task: Task) -> None:
        reason = f": {task.error.message}" if task.error else ""
        super().__init__(f"Task {task.task_id} is {task.status}{reason}")
        self.task = task


class Problem(TaskManagerError):
    """An error response of the API. Each known `code` has a subclass."""

    code: ClassVar[str]
    known: ClassVar[dict[str, type["Problem"]]] = {}
    """The subclasses by code."""

    def __init__(self, details: ProblemDetails, retry_after: float | None = None) -> None:
        lines = [
            f"{each.pointer or each.parameter or 'request'}: {each.message}"
            for each in details.errors
        ]
        super().__init__("\n".join([details.detail, *lines]))
        self.details = details
        self.retry_after = retry_after
        """Seconds after which the service asks to repeat the request. None if it does not."""

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
        Problem.known[cls.code] = cls

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.details.status

    @property
    def errors(self) -> tuple[FieldProblem, ...]:
        """Return all problems of an invalid request."""
        return self.details.errors

    @property
    def request_id(self) -> str:
        """Return the id by which the log of the service names the request."""
        return self.details.request_id


class MalformedRequest(Problem):
    """The body is not valid JSON, or a header is malformed."""


class Unauthorized(Problem):
    """The service asks for a key, and the client has none or a wrong one (`token`)."""


class Forbidden(Problem):
    """The key of the client may not do this."""


class CrossSiteRequest(Problem):
    """The request looks like one of a web page of another origin."""


class TaskNotFound(Problem):
    """No task has this id: it never existed, was deleted, or its retention is over."""


class DeliveryNotFound(Problem):
    """The task has no such delivery attempt."""


class KeyNotFound(Problem):
    """The service has no such key."""


class ScheduleNotFound(Problem):
    """There is no such schedule, or the key of the client may not see it."""


class QueueNotFound(Problem):
    """No task names this queue, no worker serves it, and it is not paused."""


class RouteNotFound(Problem):
    """The service has nothing at this path: check the URL that the client was given."""


class MethodNotAllowed(Problem):
    """The path does not support this method."""


class NotAcceptable(Problem):
    """The service has no representation that the request accepts."""


class RequestTimeout(Problem):
    """The body arrived too slowly. Nothing was changed."""


class KeysNotUsed(Problem):
    """The service asks nobody for a key, so it manages none."""


class LinksNotUsed(Problem):
    """The service makes no links to tasks: it has no secret that signs them."""


class TooManyKeys(Problem):
    """There are as many keys as may exist."""


class TooManySchedules(Problem):
    """There are as many schedules as may exist."""


class ScheduleNameTaken(Problem):
    """A schedule that the key of the client may not see has this name."""


class ScheduleBusy(Problem):
    """Another request is changing this schedule. Repeat the request."""


class QueueInUse(Problem):
    """A task names the queue, or a worker serves it."""


class TaskNotWaiting(Problem):
    """The task no longer waits, so its work cannot be changed."""


class TaskRunning(Problem):
    """The task is running: cancel it first, or delete it with `cancel=True`."""


class TaskFinal(Problem):
    """The task has ended."""


class TaskNotRetryable(Problem):
    """Only FAILED, CANCELLED and EXPIRED tasks that are not deleted can be retried."""


class InvalidTransition(Problem):
    """The status of the task does not allow this."""


class TaskBusy(Problem):
    """Another request is changing this task. Repeat the request."""


class VersionMismatch(Problem):
    """The task or schedule was changed since it was read (`if_match`), or exists (`only_new`)."""


class BodyTooLarge(Problem):
    """The body is too large; the message names the limit."""


class UriTooLong(Problem):
    """The URL is longer than 8,190 bytes."""


class HeadersTooLarge(Problem):
    """The headers of one name are larger than 8,190 bytes, or all headers than 65,536."""


class UnsupportedMediaType(Problem):
    """The body has the wrong media type."""


class HostNotAllowed(Problem):
    """The service does not accept the host name of its URL (TASKS_HTTP_ALLOWED_HOSTS)."""


class InvalidRequest(Problem):
    """The request is not valid; `errors` lists every problem."""


class IdempotencyKeyReused(Problem):
    """The idempotency key was used before with a different body."""


class RateLimited(Problem):
    """Too many requests. Repeat the request after `retry_after`."""


class InternalError(Problem):
    """The service failed. Its log names the `request_id`."""


class UnsupportedTransferEncoding(Problem):
    """The transfer encoding of the body is not supported."""


class StoreUnavailable(Problem):
    """The service cannot reach its store. The change may or may not have been applied."""


class Capacity(Problem):
    """The store is full: the service accepts no new tasks. Accepted tasks continue."""


class Overloaded(Problem):
    """Too many batches wait in the service. Nothing was stored."""


class TooManyStreams(Problem):
    """Too many streams or waiting requests are open."""


class StoreUnsafe(Problem):
    """The service runs in production on a store that may lose tasks."""
