"""Write a record as the JSON that callers get, without a Task between them.

The form is that of serialize_task. A test compares the two for every kind of task.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec

from adapters.redis.id_codec import id_text
from adapters.redis.task_codec import (
    ATTEMPT,
    CANCEL,
    DUE,
    EPOCH,
    ERROR,
    EXPIRES,
    FINISHED,
    LAST_ERROR,
    OMITTABLE,
    OMITTED,
    PAYLOAD,
    PROGRESS,
    RESULT,
    SCHEDULE,
    SPEC,
    SPEC_NAMES,
    STARTED,
    STATUS,
    STATUSES,
    SUBMITTED,
    SUBMITTER,
    VERSION,
    Record,
    decode_slot,
    require_known_layout,
    unstored_default_timeout,
)
from application.task_serializer import TaskJson, serialize_slot
from domain.retry_policy import NO_RETRY
from domain.status import Status
from domain.task_spec import DEFAULTS

SECONDS_REMEMBERED = 4_096
NULL = b"null"
EMPTY = msgspec.Raw(b"{}")


class _Retry(msgspec.Struct):
    max_attempts: int = NO_RETRY.max_attempts
    initial_delay: int | float = NO_RETRY.initial_delay
    factor: int | float = NO_RETRY.factor
    max_delay: int | float = NO_RETRY.max_delay
    jitter: int | float = NO_RETRY.jitter


class _Spec(msgspec.Struct, rename=SPEC_NAMES, kw_only=True):
    """The part of a specification that a record holds; see task_codec."""

    task_name: str
    type: str = DEFAULTS["type"]
    duration: int | None = None
    callback_url: str | None = None
    queue: str = DEFAULTS["queue"]
    priority: int = DEFAULTS["priority"]
    run_at: int | None = None
    timeout: int | None = None
    default_timeout: int | None = None
    retry: _Retry = msgspec.field(default_factory=_Retry)
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class _Error(msgspec.Struct, array_like=True):
    code: str
    message: str


class _Progress(msgspec.Struct, array_like=True):
    fraction: int | float
    message: str


class _Head(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The members of a task before its position, in their order."""

    task_id: str
    task_name: str
    type: str
    duration: int | None = None
    payload: msgspec.Raw | None = None
    status: str
    submitted_at: str
    run_at: str | None = None
    due_at: str | None = None
    expires_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    result: msgspec.Raw | None = None
    error: dict[str, Any] | None = None
    last_error: dict[str, Any] | None = None
    progress: dict[str, Any] | None = None
    attempt: int
    max_attempts: int
    cancel_requested: bool | None = None
    queue: str
    priority: int
    labels: dict[str, str]
    timeout: int
    retry: _Retry


class _Tail(msgspec.Struct, kw_only=True, omit_defaults=True):
    callback_url: str | None = None
    submitted_by: str | None = None
    schedule: dict[str, Any] | None = None
    version: int
    omitted: list[str] | None = None
    links: dict[str, str]


_spec = msgspec.json.Decoder(_Spec).decode
_error = msgspec.json.Decoder(_Error).decode
_progress = msgspec.json.Decoder(_Progress).decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode
_write = msgspec.json.Encoder().encode


def record_text(raw: bytes, record: Record) -> TaskJson:
    """Return the JSON of a record.

    Raises KeyError, ValueError, OverflowError or msgspec.DecodeError for a damaged record, and for
    some that `decode` reads, such as one with a number of another kind.
    """
    require_known_layout(record)
    spec, status = _spec(record[SPEC]), STATUSES[record[STATUS]]
    task_id, omitted = id_text(raw), record.get(OMITTED, b"")
    path = f"/tasks/{task_id}"
    head = _Head(
        task_id=task_id,
        task_name=spec.task_name,
        type=spec.type,
        duration=spec.duration,
        payload=_payload(record, spec, omitted),
        status=status.value,
        submitted_at=_second(int(record[SUBMITTED]) // 1000).replace("T", " "),
        run_at=_time(spec.run_at),
        due_at=_stored_time(record, DUE),
        expires_at=_stored_time(record, EXPIRES),
        started_at=_stored_time(record, STARTED),
        finished_at=_stored_time(record, FINISHED),
        result=_json(record[RESULT]) if RESULT in record else None,
        error=_parts(record, ERROR, _error),
        last_error=None if status.is_final else _parts(record, LAST_ERROR, _error),
        progress=None if status is Status.COMPLETED else _parts(record, PROGRESS, _progress),
        attempt=int(record.get(ATTEMPT, 0)),
        max_attempts=spec.retry.max_attempts,
        cancel_requested=True if CANCEL in record else None,
        queue=spec.queue,
        priority=spec.priority,
        labels=spec.labels,
        timeout=_timeout(spec),
        retry=spec.retry,
    )
    tail = _Tail(
        callback_url=spec.callback_url,
        submitted_by=record[SUBMITTER].decode() if SUBMITTER in record else None,
        schedule=serialize_slot(decode_slot(record[SCHEDULE])) if SCHEDULE in record else None,
        version=int(record[VERSION]),
        omitted=[name for field, name in OMITTABLE.items() if field in omitted] or None,
        links={"self": path, "events": f"{path}/events"},
    )
    return TaskJson.of(_write(head), _write(tail))


def _payload(record: Record, spec: _Spec, omitted: bytes) -> msgspec.Raw | None:
    """Return the payload. None if the task has a duration instead, or was read without it."""
    if spec.duration is not None or PAYLOAD in omitted:
        return None
    return _json(record[PAYLOAD]) if record.get(PAYLOAD) else EMPTY


def _json(text: bytes) -> msgspec.Raw | None:
    """Return a JSON value as it is stored; None for null. Raises ValueError for other text."""
    if text == NULL:
        return None
    text.decode()
    return _skip(text)


def _parts(
    record: Record, name: bytes, read: Callable[[bytes], msgspec.Struct]
) -> dict[str, Any] | None:
    return msgspec.structs.asdict(read(record[name])) if name in record else None


def _timeout(spec: _Spec) -> int:
    if spec.timeout is not None:
        return spec.timeout
    if spec.default_timeout is not None:
        return spec.default_timeout
    return unstored_default_timeout(spec.duration)


def _stored_time(record: Record, name: bytes) -> str | None:
    return _time(int(record[name])) if name in record else None


def _time(milliseconds: int | None) -> str | None:
    """Return a time as rfc3339 does."""
    if milliseconds is None:
        return None
    second, rest = divmod(milliseconds, 1000)
    return f"{_second(second)}.{rest:03}Z"


@lru_cache(SECONDS_REMEMBERED)
def _second(number: int) -> str:
    """Return a second since 1970. Raises OverflowError beyond the year 9999."""
    return (EPOCH + timedelta(seconds=number)).isoformat(timespec="seconds")[:-6]
