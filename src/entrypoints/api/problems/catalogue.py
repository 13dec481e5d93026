"""The catalogue of problem types: every `code` of the API, its HTTP status, title and advice."""

from dataclasses import dataclass

from entrypoints.api.concurrency.batch_line import MAX_WAITING_BATCHES
from entrypoints.api.concurrency.work_line import (
    MAX_ACTIONS,
    MAX_COMBINED,
    MAX_LARGE_BODIES,
    MAX_LONG_READS,
    MAX_SEARCHES,
    MAX_USUAL_VALUES,
)


@dataclass(frozen=True)
class ProblemType:
    """One kind of error. docs/problems.md and GET /problems/<code> are written from these."""

    status: int
    title: str
    advice: str
    """A text that explains the problem and says how the caller can solve it."""


PROBLEM_TYPES = {
    "malformed_request": ProblemType(
        400,
        "The request is malformed",
        "The body is not valid JSON or was cut off, or a header is malformed. NaN, Infinity, "
        "duplicate members and nesting deeper than 32 levels count as invalid JSON. So do more "
        "than 60,000 list elements and object members in all, and numbers of more than 309 "
        "digits. `detail` says which. Correct the request and send it again.",
    ),
    "unauthorized": ProblemType(
        401,
        "The request needs a valid key",
        "Send `Authorization: Bearer tm_…` with a key of this service, or sign in at /ui/. "
        "`detail` says whether the key is missing, malformed or not valid. An admin makes keys "
        "with `POST /keys`, and the operator with `task-manager keys create` on the host.",
    ),
    "forbidden": ProblemType(
        403,
        "The key may not do this",
        "`detail` names the roles that may, or says that a key is needed that is not bound to "
        "queues or labels. `GET /session` shows what your key may do.",
    ),
    "cross_site_request": ProblemType(
        403,
        "Web pages of another origin may not write",
        "The request has `Sec-Fetch-Site: cross-site`, or an `Origin` that is not this service's "
        "own. Clients other than browsers send neither header. TASKS_HTTP_ALLOWED_HOSTS can name "
        "the host of a page that may write, such as the public name of a proxy that changes "
        "`Host`. Requests with `Sec-Fetch-Site: cross-site` are refused in any case.",
    ),
    "task_not_found": ProblemType(
        404,
        "Task not found",
        "No task ever had this id, the task was deleted, or its retention is over. Ids are UUIDs "
        "in lower case; any other spelling is not found either.",
    ),
    "delivery_not_found": ProblemType(
        404,
        "The task has no such delivery attempt",
        "`GET /tasks/<id>/deliveries` lists the delivery attempts. A webhook can be resent for "
        "eight days after its last delivery attempt.",
    ),
    "key_not_found": ProblemType(
        404, "There is no such key", "`GET /keys` lists the keys. A revoked key is gone."
    ),
    "schedule_not_found": ProblemType(
        404,
        "There is no such schedule",
        "`GET /schedules` lists the schedules that your key may see.",
    ),
    "queue_not_found": ProblemType(
        404,
        "Queue not found",
        "A queue exists while a task names it, a worker serves it or it is paused. GET /queues "
        "lists all queues.",
    ),
    "route_not_found": ProblemType(
        404, "There is nothing at this path", "GET /openapi.json lists every path."
    ),
    "method_not_allowed": ProblemType(
        405,
        "The path does not support this method",
        "The header `Allow` lists the methods that it supports.",
    ),
    "not_acceptable": ProblemType(
        406,
        "No acceptable media type",
        "Change the header `Accept`, or leave it out. `detail` names the available media types.",
    ),
    "request_timeout": ProblemType(
        408,
        "The body arrived too slowly",
        "The body must arrive within TASKS_HTTP_BODY_SECONDS, plus one second for each 64 KiB. The "
        "connection is closed and nothing was changed. Send the request again.",
    ),
    "keys_not_used": ProblemType(
        409,
        "The service asks nobody for a key",
        "With TASKS_AUTH=none there are no sessions, and keys are made on the host alone: "
        "`task-manager keys create`. With TASKS_AUTH=keys, this request works.",
    ),
    "links_not_used": ProblemType(
        409,
        "The service makes no links",
        "Links to tasks are signed with TASKS_LINK_SECRET, which the operator has to set.",
    ),
    "too_many_keys": ProblemType(
        409, "There are as many keys as may exist", "Revoke a key that is no longer needed."
    ),
    "too_many_schedules": ProblemType(
        409,
        "There are as many schedules as may exist",
        "Delete a schedule that is no longer needed.",
    ),
    "schedule_name_taken": ProblemType(
        409,
        "The name of the schedule is taken",
        "A schedule that your key may not see has this name. Use another name.",
    ),
    "schedule_busy": ProblemType(
        409, "Another request is changing this schedule", "Retry the request."
    ),
    "queue_in_use": ProblemType(
        409,
        "The queue is in use",
        "A queue can be removed only when no task names it, final tasks included, and no living "
        "worker serves it. `detail` says which of the two prevents it.",
    ),
    "task_not_waiting": ProblemType(
        409,
        "The task is no longer waiting",
        "The work of a task can be changed only while it is SCHEDULED or QUEUED. task_name and "
        "labels can be changed at any time.",
    ),
    "task_running": ProblemType(
        409,
        "The task is running",
        "Cancel it and wait until it is final, or delete it with `?cancel=true`.",
    ),
    "task_final": ProblemType(409, "The task is final", "There is nothing left to cancel."),
    "task_not_retryable": ProblemType(
        409,
        "The task cannot be retried",
        "Only FAILED, CANCELLED and EXPIRED tasks that are not deleted can be retried. Submit a "
        "new task instead.",
    ),
    "invalid_transition": ProblemType(
        409,
        "The status of the task does not allow this",
        "Read the task, and decide by its status.",
    ),
    "task_busy": ProblemType(409, "Another request is changing this task", "Retry the request."),
    "version_mismatch": ProblemType(
        412,
        "There is another version",
        "The task or schedule was changed since you read it, or a schedule exists that was to be "
        "new. Read it again. If your change still applies, repeat it with the new ETag in "
        "If-Match.",
    ),
    "body_too_large": ProblemType(
        413,
        "The body is too large",
        "`detail` names the limit. TASKS_MAX_BODY_BYTES sets it; TASKS_MAX_BATCH_BYTES sets that "
        "of batches and actions.",
    ),
    "uri_too_long": ProblemType(
        414,
        "The URL is too long",
        "The request line is limited to 8,190 bytes. Ask for less at once.",
    ),
    "headers_too_large": ProblemType(
        431,
        "The headers are too large",
        "A request may have 100 headers. All headers of one name together are limited to 8,190 "
        "bytes, and all headers to 65,536 bytes.",
    ),
    "unsupported_media_type": ProblemType(
        415,
        "The body has the wrong media type",
        "Send application/json. PATCH also accepts application/merge-patch+json.",
    ),
    "host_not_allowed": ProblemType(
        421,
        "The service does not accept this host name",
        "`detail` names the `Host` of the request. Use the address at which the service listens, "
        "or have the operator add the name to TASKS_HTTP_ALLOWED_HOSTS. This check keeps a web "
        "page from reaching the service by a host name of its own that leads here (DNS "
        "rebinding).",
    ),
    "invalid_request": ProblemType(
        422,
        "The request is not valid",
        "`errors` lists every problem. `pointer` (RFC 6901) names the member of the body, "
        "`parameter` the query parameter. The list ends after 100 problems; `errors_omitted` "
        "counts the others.",
    ),
    "idempotency_key_reused": ProblemType(
        422,
        "The Idempotency-Key was used before with a different body",
        "Use a new key for a new request, and the same key only to repeat a request unchanged.",
    ),
    "rate_limited": ProblemType(
        429,
        "Too many requests",
        "Send the request again after `Retry-After`. `detail` says what is too much. Either the "
        "requests of the key, or of the address where nobody shows a key, have reached their "
        "limit: `RateLimit-Policy` and `RateLimit` say which, and what is left. Or too many "
        "requests with wrong keys came at once: correct the key of your program.",
    ),
    "internal_error": ProblemType(
        500,
        "An unexpected error",
        "This is a bug of the service. Its log describes the error under the `request_id`. Please "
        "report it.",
    ),
    "unsupported_transfer_encoding": ProblemType(
        501,
        "The transfer encoding is not supported",
        "Send the body with `Content-Length`, or with `Transfer-Encoding: chunked` alone. The "
        "request was not read, and the connection is closed.",
    ),
    "store_unavailable": ProblemType(
        503,
        "The task store is not available",
        "Redis is away, refuses to write, or too few of its replicas have confirmed the change "
        "(TASKS_REDIS_MIN_REPLICAS). The change may or may not have been applied. Repeat it after "
        "`Retry-After`; repeat a submit with its Idempotency-Key. Accepted tasks are not lost.",
    ),
    "capacity": ProblemType(
        503,
        "The task store is full",
        "Its memory is at 85 % of its limit, or its disk is nearly full. Accepted tasks "
        "continue to run. Delete tasks, wait until their retention ends, or free disk space.",
    ),
    "overloaded": ProblemType(
        503,
        "Too many requests of this kind are waiting in this process",
        "Nothing of this request was done. Send it again after `Retry-After`. Other requests are "
        "not affected. Each process of the API works on one batch at a time, and "
        f"{MAX_WAITING_BATCHES} more may wait; on {MAX_ACTIONS} actions, while "
        f"{MAX_WAITING_BATCHES} more may wait; on {MAX_SEARCHES} searches by `task_name` or `q`, "
        f"and {MAX_COMBINED} by several filters; "
        f"on {MAX_LONG_READS} reads of logs, attempts, deliveries, queues, counts or statistics; "
        f"and on {MAX_LARGE_BODIES} bodies of more than {MAX_USUAL_VALUES:,} JSON values. Send "
        "fewer of these at the same time, or have the operator raise TASKS_HTTP_WORKERS.",
    ),
    "too_many_streams": ProblemType(
        503,
        "Too many open streams or waiting requests",
        "Other requests are not affected. Retry after `Retry-After`, close streams that are "
        "not needed, or follow many tasks with one `GET /events`. The operator can raise the limit "
        "on open files (`ulimit -n`) or TASKS_HTTP_WORKERS.",
    ),
    "store_unsafe": ProblemType(
        503,
        "The task store may lose tasks",
        "Redis evicts keys or does not persist them. The service's log says which setting of Redis "
        "to change.",
    ),
}


def problems_page() -> str:
    """Return the text of docs/problems.md."""
    lines = [
        "# Errors",
        "",
        "Every 4xx and 5xx response is `application/problem+json` (RFC 9457). `code` is a stable",
        "word for programs. `type` is `/problems/<code>`, a page on which the service explains the",
        "error with the words below. `make openapi` writes this file.",
    ]
    for code, kind in PROBLEM_TYPES.items():
        lines += ["", f"## {code}", "", f"{kind.status}: {kind.title}.", "", kind.advice]
    return "\n".join(lines) + "\n"
