"""Call a URL as the work of a task: the server behind it can be written in any language."""

import json
from collections.abc import Container, Mapping
from contextlib import suppress
from email.message import Message
from typing import Annotated, Any, Literal, NotRequired, Required
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue

from adapters.handlers.payload_schema import PayloadSchema
from adapters.http.outbound import AddressRefused, HttpResponse, NoResponse, OutboundHttp
from adapters.http.signature import Signature
from application.errors import HandlerFailed
from application.json_values import MAX_DEPTH, encode_json, exceeds_depth, replace_surrogates
from application.ports.clock import Clock
from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler, TaskType
from application.ports.tracer import Tracer
from application.spans import STATUS_CODE, call_operation, error_of_status
from domain.errors import InvalidPayload, Violation
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.task_spec import TaskSpec
from domain.trace_context import TraceContext
from domain.web_url import require_web_url

MAX_BODY_BYTES = 64 * 1024
MAX_EXCERPT_LENGTH = 500
RETRIED_STATUSES = {408, 425, 429}
MAX_SECONDS = 3_600
DEFAULT_SECONDS = 30
MAX_HEADERS, MAX_STATUSES = 100, 500
MESSAGE_PREFIX = "http_"
"""Prefix of the `webhook-id` of `http` tasks. The prefix of callbacks is msg_."""
CONNECTION_HEADERS = {
    "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
"""Headers that describe the connection or frame the message (RFC 9110, 7.6.1; RFC 9112, 6)."""
SERVICE_HEADERS = {"idempotency-key"}
RESERVED_PREFIXES = ("proxy-", "webhook-", "x-task-")


def _require_free_header(name: str) -> str:
    """Return the name. Raises ValueError for a reserved one.

    Receivers may read `_` as `-` (RFC 3875, 4.1.18).
    """
    spelling = name.lower().replace("_", "-")
    if spelling in CONNECTION_HEADERS | SERVICE_HEADERS or spelling.startswith(RESERVED_PREFIXES):
        raise ValueError(f"{name} is set by the service itself")
    return name


Url = Annotated[
    str,
    AfterValidator(require_web_url),
    Field(json_schema_extra={"format": "uri", "maxLength": 2_048}),
]
HeaderName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"), AfterValidator(_require_free_header)
]
HeaderValue = Annotated[str, Field(pattern=r"^([!-~]([ -~\t]{0,8190}[!-~])?)?$")]
Status = Annotated[int, Field(ge=100, le=599)]

PAYLOAD = PayloadSchema(
    "http",
    {
        "url": Required[Url],
        "method": NotRequired[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]],
        "headers": NotRequired[
            Annotated[dict[HeaderName, HeaderValue], Field(max_length=MAX_HEADERS)]
        ],
        "json": NotRequired[JsonValue],
        "body": NotRequired[str],
        "timeout": NotRequired[Annotated[float, Field(gt=0, le=MAX_SECONDS)]],
        "success_status": NotRequired[
            Annotated[list[Status], Field(min_length=1, max_length=MAX_STATUSES)]
        ],
    },
)


class HttpCall(TaskHandler):
    """Sends one request for each run. The status of the response decides how the run ends."""

    type = TaskType(
        name="http",
        description=(
            "Call a URL. A status of success_status (200 to 299) completes the task with {status, "
            "headers, body}; 408, 425, 429, 5xx and no response are tried again, anything else "
            "fails it."
        ),
        payload_schema=PAYLOAD.json_schema,
        default_retry=RetryPolicy(max_attempts=5),  # a server elsewhere is often away for a moment
    )

    def __init__(
        self, http: OutboundHttp, signature: Signature, clock: Clock, tracer: Tracer
    ) -> None:
        self._http = http
        self._signature = signature
        self._clock = clock
        self._tracer = tracer

    def validate(self, spec: TaskSpec) -> None:
        payload = spec.payload
        violations: list[Violation] = []
        try:
            PAYLOAD.read(payload)
        except InvalidPayload as error:
            violations += error.violations
        if "json" in payload and "body" in payload:
            violations.append(("payload/body", "Give either json or body."))
        wrong = {pointer for pointer, _ in violations}
        has_url = not wrong & {"payload", "payload/url"}
        if has_url and (refusal := self._http.refusal(payload["url"])):
            violations.append(("payload/url", refusal))
        if violations:
            raise InvalidPayload(violations)

    def run(self, task: Task, context: RunContext) -> Any:
        try:
            call = PAYLOAD.read(task.spec.payload)
        except InvalidPayload as error:  # accepted by an earlier version with other rules
            message = f"The payload is no longer accepted: {error}"
            raise HandlerFailed(message, retry=False) from error
        name = f"{call.get('method', 'POST')} {_without_secrets(call['url'])}"
        response = self._send(task, call, name)
        context.log(f"{name} responded with {response.status}")
        self._require_success(response, call.get("success_status", range(200, 300)), name)
        return {
            "status": response.status,
            "headers": dict(response.headers),
            **_body(response),
        }

    def _send(self, task: Task, call: Mapping[str, Any], name: str) -> HttpResponse:
        """Send the request. Raises HandlerFailed, whose message begins with `name`."""
        try:
            if task.trace is None:
                return self._exchange(task, call, None)
            operation = call_operation(
                call.get("method", "POST"), call["url"], "http", task.task_id
            )
            with self._tracer.span(operation, task.trace) as span:
                response = self._exchange(task, call, span.context)
                error = error_of_status(response.status, lowest=400)
                span.note({STATUS_CODE: response.status}, error=error)
                return response
        except AddressRefused as error:
            raise HandlerFailed(f"{name} was not sent: {error}", retry=False) from error
        except NoResponse as error:
            raise HandlerFailed(f"{name}: {error}") from error

    def _exchange(
        self, task: Task, call: Mapping[str, Any], trace: TraceContext | None
    ) -> HttpResponse:
        body, headers = self._request(task, call, trace)
        return self._http.send(
            call.get("method", "POST"),
            call["url"],
            headers=headers,
            body=body,
            seconds=call.get("timeout", DEFAULT_SECONDS),
            max_bytes=MAX_BODY_BYTES,
        )

    def _request(
        self, task: Task, call: Mapping[str, Any], trace: TraceContext | None
    ) -> tuple[bytes, Mapping[str, str]]:
        """Return body and headers. Each run has the same `webhook-id` and Idempotency-Key."""
        content_type: dict[str, str] = {}
        if "json" in call:
            body = json.dumps(call["json"], ensure_ascii=False).encode()
            content_type = {"Content-Type": "application/json"}
        else:
            body = call.get("body", "").encode()
        return body, {
            **_trace_headers(task, call.get("headers", {}), trace),
            **content_type,
            **call.get("headers", {}),
            "Idempotency-Key": task.task_id,
            "X-Task-Id": task.task_id,
            "X-Task-Attempt": str(task.attempt),
            **self._signature.headers(MESSAGE_PREFIX + task.task_id, body, self._clock.now()),
        }

    def _require_success(self, response: HttpResponse, success: Container[int], name: str) -> None:
        """Raises HandlerFailed unless the status is one of `success`."""
        status = response.status
        if status in success:
            return
        excerpt = response.body.decode(errors="replace")[:MAX_EXCERPT_LENGTH].strip()
        redirected = ", and redirects are not followed" if 300 <= status < 400 else ""
        raise HandlerFailed(
            f"{name} responded with {status}{redirected}" + (f": {excerpt}" if excerpt else ""),
            retry=status in RETRIED_STATUSES or status >= 500,
            wait=response.retry_after(self._clock.now()),
        )


def _trace_headers(
    task: Task, given: Mapping[str, str], trace: TraceContext | None
) -> Mapping[str, str]:
    """Return the headers of the task's trace; of one named after the task if it has none.

    Nothing is added to a traceparent that the task itself names.
    """
    if any(name.lower() == "traceparent" for name in given):
        return {}
    if trace is not None:
        return trace.headers
    return {"traceparent": f"00-{UUID(task.task_id).hex}-{task.fencing_token:016x}-01"}


def _body(response: HttpResponse) -> Mapping[str, Any]:
    """Return the body as a JSON value if it is declared as JSON and can be stored, else as text."""
    content_type = Message()
    content_type["Content-Type"] = response.headers.get("content-type", "")
    if response.truncated:
        return {"body": response.body.decode(errors="replace"), "body_truncated": True}
    subtype = content_type.get_content_subtype()
    if subtype == "json" or subtype.endswith("+json"):
        with suppress(ValueError, RecursionError):
            value = json.loads(response.body)
            encode_json(value)
            if not exceeds_depth(value, MAX_DEPTH - 1):  # the result around it is one level more
                return {"body": value}
    try:
        charset = content_type.get_content_charset("utf-8")
        text = response.body.decode(charset, errors="replace")
    except (LookupError, UnicodeError):
        text = response.body.decode(errors="replace")
    return {"body": replace_surrogates(text)}


def _without_secrets(url: str) -> str:
    """Return the URL without its query, which may contain secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
