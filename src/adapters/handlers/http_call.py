"""Calls a URL: any language can do the work behind it."""

import json
from collections.abc import Mapping
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
from domain.errors import InvalidPayload
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.task_spec import TaskSpec
from domain.web_url import require_web_url

BODY_BYTES = 64 * 1024
EXCERPT_CHARACTERS = 500
TRY_AGAIN = {408, 425, 429}
MOST_SECONDS = 3_600
MAX_HEADERS, MAX_STATUSES = 100, 500
MESSAGE_PREFIX = "http_"
"""Begins the `webhook-id` of every `http` task; that of a callback begins with msg_."""
CONNECTION_HEADERS = {
    "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
"""Headers that describe the connection or frame the message (RFC 9110, 7.6.1; RFC 9112, 6)."""
SERVICE_HEADERS = {"idempotency-key"}
RESERVED_PREFIXES = ("proxy-", "webhook-", "x-task-")


def _may_be_given(name: str) -> str:
    """Return the name. Raises ValueError for a reserved one; receivers may read `_` as `-` (RFC 3875, 4.1.18)."""
    spelling = name.lower().replace("_", "-")
    if spelling in CONNECTION_HEADERS | SERVICE_HEADERS or spelling.startswith(RESERVED_PREFIXES):
        raise ValueError(f"{name} is set by the service itself")
    return name


Url = Annotated[str, AfterValidator(require_web_url), Field(json_schema_extra={"format": "uri", "maxLength": 2_048})]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"), AfterValidator(_may_be_given)]
HeaderValue = Annotated[str, Field(pattern=r"^([!-~]([ -~\t]{0,8190}[!-~])?)?$")]
Status = Annotated[int, Field(ge=100, le=599)]

PAYLOAD = PayloadSchema(
    "http",
    {
        "url": Required[Url],
        "method": NotRequired[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]],
        "headers": NotRequired[Annotated[dict[HeaderName, HeaderValue], Field(max_length=MAX_HEADERS)]],
        "json": NotRequired[JsonValue],
        "body": NotRequired[str],
        "timeout": NotRequired[Annotated[float, Field(gt=0, le=MOST_SECONDS)]],
        "success_status": NotRequired[Annotated[list[Status], Field(min_length=1, max_length=MAX_STATUSES)]],
    },
)


class HttpCall(TaskHandler):
    type = TaskType(
        name="http",
        description=(
            "Call a URL. A status of success_status (200 to 299) completes the task with {status, headers, body}; 408, "
            "425, 429, 5xx and no answer are tried again, anything else fails it."
        ),
        payload_schema=PAYLOAD.json_schema,
        default_retry=RetryPolicy(max_attempts=5),  # services elsewhere fail for a moment more often than local code
    )

    def __init__(self, http: OutboundHttp, signature: Signature, clock: Clock) -> None:
        self._http = http
        self._signature = signature
        self._clock = clock

    def validate(self, spec: TaskSpec) -> None:
        payload = spec.payload
        violations: list[tuple[str, str]] = []
        try:
            PAYLOAD.read(payload)
        except InvalidPayload as error:
            violations += error.violations
        if "json" in payload and "body" in payload:
            violations.append(("payload/body", "Give either json or body."))
        wrong = {pointer for pointer, _ in violations}
        if not wrong & {"payload", "payload/url"} and (refusal := self._http.refusal(payload["url"])):
            violations.append(("payload/url", refusal))
        if violations:
            raise InvalidPayload(violations)

    def run(self, task: Task, context: RunContext) -> Any:
        try:
            call = PAYLOAD.read(task.spec.payload)
        except InvalidPayload as error:  # accepted by a version with older rules
            raise HandlerFailed(f"The payload is no longer accepted: {error}", retry=False) from error
        method, where = call.get("method", "POST"), _without_secrets(call["url"])
        body, headers = self._request(task, call)
        try:
            answer = self._http.send(
                method,
                call["url"],
                headers=headers,
                body=body,
                seconds=call.get("timeout", 30),
                max_bytes=BODY_BYTES,
            )
        except AddressRefused as error:
            raise HandlerFailed(f"{method} {where} was not sent: {error}", retry=False) from error
        except NoResponse as error:
            raise HandlerFailed(f"{method} {where}: {error}") from error
        context.log(f"{method} {where} responded with {answer.status}")
        self._require_success(answer, call.get("success_status", range(200, 300)), f"{method} {where}")
        return {"status": answer.status, "headers": dict(answer.headers), **_body(answer)}

    def _request(self, task: Task, call: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        """The same `webhook-id` and Idempotency-Key for each try of a task."""
        kind = {}
        if "json" in call:
            body, kind = json.dumps(call["json"], ensure_ascii=False).encode(), {"Content-Type": "application/json"}
        else:
            body = call.get("body", "").encode()
        return body, {
            "traceparent": f"00-{UUID(task.task_id).hex}-{task.fencing_token:016x}-01",
            **kind,
            **call.get("headers", {}),
            "Idempotency-Key": task.task_id,
            "X-Task-Id": task.task_id,
            "X-Task-Attempt": str(task.attempt),
            **self._signature.headers(MESSAGE_PREFIX + task.task_id, body, self._clock.now()),
        }

    def _require_success(self, answer: HttpResponse, success: Any, call: str) -> None:
        """Raises HandlerFailed."""
        if answer.status in success:
            return
        excerpt = answer.body.decode(errors="replace")[:EXCERPT_CHARACTERS].strip()
        redirected = ", and redirects are not followed" if 300 <= answer.status < 400 else ""
        raise HandlerFailed(
            f"{call} responded with {answer.status}{redirected}" + (f": {excerpt}" if excerpt else ""),
            retry=answer.status in TRY_AGAIN or answer.status >= 500,
            wait=answer.retry_after(self._clock.now()),
        )


def _body(answer: HttpResponse) -> Mapping[str, Any]:
    """JSON where it says that it is, and we can keep it; else text."""
    kind = Message()
    kind["Content-Type"] = answer.headers.get("content-type", "")
    if answer.truncated:
        return {"body": answer.body.decode(errors="replace"), "body_truncated": True}
    if kind.get_content_subtype() == "json" or kind.get_content_subtype().endswith("+json"):
        with suppress(ValueError, RecursionError):
            value = json.loads(answer.body)
            encode_json(value)
            if not exceeds_depth(value, MAX_DEPTH - 1):  # it stands within the result
                return {"body": value}
    try:
        text = answer.body.decode(kind.get_content_charset("utf-8"), errors="replace")
    except (LookupError, UnicodeError):
        text = answer.body.decode(errors="replace")
    return {"body": replace_surrogates(text)}


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
