"""A task as a Redis hash: short field names, nothing that is not set, what callers gave as one JSON value.

Scripts read and write only the status, version, claim, attempt, owner and times.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Progress, Task, TaskError
from domain.task_spec import DEFAULTS, TaskSpec

Record = Mapping[bytes, bytes]

STATUS, VERSION, ATTEMPT, CRASHED, CLAIM, OWNER, CANCEL = "s", "v", "a", "n", "c", "o", "x"
SUBMITTED, DUE, STARTED, FINISHED, EXPIRES = "u", "w", "b", "f", "y"
SPEC, PROGRESS, RESULT, ERROR = "d", "p", "r", "e"
RANK = "q"
"""The place in the queue. Scripts draw it when the task first waits; it is gone once the task is final."""

SPEC_NAMES = {
    "task_name": "n",
    "type": "t",
    "duration": "d",
    "queue": "q",
    "priority": "p",
    "run_at": "r",
    "timeout": "o",
    "retry": "y",
    "labels": "l",
}
"""expires_at has a field of its own, since the claim script looks at it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_bytes(task_id: str) -> bytes | None:
    """The 16 bytes of a task id; None for any text that is not a UUID of version 7 in its canonical spelling."""
    try:
        value = UUID(task_id)
    except ValueError:
        return None
    canonical = str(value) == task_id and value.version == 7 and value.variant == RFC_4122
    return value.bytes if canonical else None


def id_text(raw: bytes) -> str:
    return str(UUID(bytes=raw))


def encode(task: Task) -> dict[str, bytes]:
    """The fields of the record; what has its default is left out."""
    fields: dict[str, Any] = {
        STATUS: task.status.value,
        VERSION: task.version,
        ATTEMPT: task.attempt or None,
        CRASHED: " ".join(map(str, task.crashed_claims)) or None,
        CLAIM: task.claim or None,
        OWNER: task.owner,
        CANCEL: 1 if task.cancel_requested else None,
        SUBMITTED: _time(task.submitted_at),
        DUE: _time(task.due_at),
        STARTED: _time(task.started_at),
        FINISHED: _time(task.finished_at),
        EXPIRES: _time(task.spec.expires_at),
        SPEC: _encode_spec(task.spec),
        PROGRESS: task.progress and encode_progress(task.progress),
        RESULT: None if task.result is None else _json(task.result),
        ERROR: task.error and _json([task.error.code, task.error.message]),
    }
    return {name: str(value).encode() for name, value in fields.items() if value is not None}


def decode(task_id: bytes, record: Record) -> Task:
    """The task of a record. Raises KeyError or ValueError when the record is not one of ours."""

    def integer(name: str) -> int:
        return int(record.get(name.encode(), b"0"))

    def instant(name: str) -> datetime | None:
        return _instant(integer(name)) if name.encode() in record else None

    owner, progress, result, error = (record.get(name.encode()) for name in (OWNER, PROGRESS, RESULT, ERROR))
    return Task(
        task_id=id_text(task_id),
        spec=_decode_spec(record[SPEC.encode()], instant(EXPIRES)),
        status=Status(record[STATUS.encode()].decode()),
        version=integer(VERSION),
        attempt=integer(ATTEMPT),
        crashed_claims=tuple(map(int, record.get(CRASHED.encode(), b"").split())),
        claim=integer(CLAIM),
        owner=owner.decode() if owner else None,
        cancel_requested=CANCEL.encode() in record,
        submitted_at=_instant(integer(SUBMITTED)),
        due_at=instant(DUE),
        started_at=instant(STARTED),
        finished_at=instant(FINISHED),
        progress=Progress(**dict(zip(("fraction", "message"), json.loads(progress), strict=True)))
        if progress
        else None,
        result=json.loads(result) if result else None,
        error=TaskError(**dict(zip(("code", "message"), json.loads(error), strict=True))) if error else None,
    )


def encode_progress(progress: Progress) -> str:
    return _json([progress.fraction, progress.message])


def _encode_spec(spec: TaskSpec) -> str:
    """Short names, and only what differs from its default."""
    values = {name: getattr(spec, name) for name in SPEC_NAMES}
    differing = {name: value for name, value in values.items() if name not in DEFAULTS or value != DEFAULTS[name]}
    return _json({SPEC_NAMES[name]: PLAIN.get(name, _as_it_is)(value) for name, value in differing.items()})


def _decode_spec(text: bytes, expires_at: datetime | None) -> TaskSpec:
    plain = json.loads(text)
    members = {name: RICH.get(name, _as_it_is)(plain[short]) for name, short in SPEC_NAMES.items() if short in plain}
    return TaskSpec(**members, expires_at=expires_at)


def _as_it_is(value: Any) -> Any:
    return value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def epoch_milliseconds(instant: datetime) -> int:
    """As all times are kept in Redis."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def _time(instant: datetime | None) -> int | None:
    return None if instant is None else epoch_milliseconds(instant)


def _instant(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


PLAIN: Mapping[str, Callable[[Any], Any]] = {"run_at": epoch_milliseconds, "retry": asdict, "labels": dict}
RICH: Mapping[str, Callable[[Any], Any]] = {"run_at": _instant, "retry": lambda members: RetryPolicy(**members)}
