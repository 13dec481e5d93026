"""The problem type of each error of the domain, the application, this API and the framework."""

from application.errors import (
    DeliveryNotFound,
    IdempotencyKeyReused,
    QueueInUse,
    QueueNotFound,
    StaleTask,
    StoreFull,
    StoreUnavailable,
    StoreUnsafe,
    TaskNotFound,
    VersionMismatch,
)
from application.ports.access_keys import TooManyKeys
from application.ports.schedules import ScheduleNotFound, StaleSchedule, TooManySchedules
from application.use_cases.access.link_tasks import LinksNotUsed
from application.use_cases.access.manage_keys import KeyNotFound
from application.use_cases.schedules.write_schedules import ScheduleNameTaken
from domain.errors import (
    InvalidTransition,
    TaskFinal,
    TaskNotRetryable,
    TaskNotWaiting,
    TaskRunning,
)
from entrypoints.api.access.credentials import NotAuthenticated
from entrypoints.api.access.gate import KeysNotUsed, NotPermitted
from entrypoints.api.access.wrong_keys import TooManyWrongKeys
from entrypoints.api.concurrency.batch_line import Overloaded
from entrypoints.api.concurrency.capacity import TooManyStreams
from entrypoints.api.origins import CrossSiteRequest, HostNotAllowed

CODES: dict[type[Exception], str] = {
    NotAuthenticated: "unauthorized",
    NotPermitted: "forbidden",
    KeysNotUsed: "keys_not_used",
    LinksNotUsed: "links_not_used",
    KeyNotFound: "key_not_found",
    TooManyKeys: "too_many_keys",
    TooManyWrongKeys: "rate_limited",
    CrossSiteRequest: "cross_site_request",
    HostNotAllowed: "host_not_allowed",
    TaskNotFound: "task_not_found",
    DeliveryNotFound: "delivery_not_found",
    QueueNotFound: "queue_not_found",
    ScheduleNotFound: "schedule_not_found",
    StaleSchedule: "schedule_busy",
    TooManySchedules: "too_many_schedules",
    ScheduleNameTaken: "schedule_name_taken",
    QueueInUse: "queue_in_use",
    TaskNotWaiting: "task_not_waiting",
    TaskRunning: "task_running",
    TaskFinal: "task_final",
    TaskNotRetryable: "task_not_retryable",
    InvalidTransition: "invalid_transition",
    StaleTask: "task_busy",
    VersionMismatch: "version_mismatch",
    IdempotencyKeyReused: "idempotency_key_reused",
    StoreUnavailable: "store_unavailable",
    StoreFull: "capacity",
    StoreUnsafe: "store_unsafe",
    TooManyStreams: "too_many_streams",
    Overloaded: "overloaded",
}
HTTP_CODES = {
    400: "malformed_request",
    404: "route_not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "invalid_request",
    431: "headers_too_large",
    501: "unsupported_transfer_encoding",
}
"""The problem types of HTTP errors that the framework or gunicorn raises."""


def code_of_error(error: Exception) -> str:
    """Return the code of the nearest class in CODES: the error's own, or that of a parent."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def code_of_status(status: int) -> str:
    return HTTP_CODES.get(status, "malformed_request" if status < 500 else "internal_error")
