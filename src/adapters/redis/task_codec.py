"""A task as a Redis hash: short field names, nothing that is not set, what callers gave as one JSON value.

Scripts read and write only the status, version, claim, attempt, owner and times.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

from domain.status import Status
from domain.task import Task, TaskError
from domain.task_spec import DEFAULT_TYPE, DEFAULTS, TaskSpec

Record = Mapping[bytes, bytes]

STATUS, VERSION, ATTEMPT, CRASHES, CLAIM, OWNER = "s", "v", "a", "n", "c", "o"
SUBMITTED, STARTED, FINISHED = "u", "b", "f"
SPEC, RESULT, ERROR = "d", "r", "e"
RANK = "q"
"""The place in the queue. Scripts draw it when the task first waits; it is gone once the task is final."""

SPEC_NAMES = {"task_name": "n", "type": "t", "duration": "d", "priority": "p", "labels": "l"}
SPEC_DEFAULTS = {"type": DEFAULT_TYPE, **DEFAULTS}
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
        CRASHES: task.crashes or None,
        CLAIM: task.claim or None,
        OWNER: task.owner,
        SUBMITTED: _milliseconds(task.submitted_at),
        STARTED: _milliseconds(task.started_at),
        FINISHED: _milliseconds(task.finished_at),
        SPEC: _encode_spec(task.spec),
        RESULT: None if task.result is None else _json(task.result),
        ERROR: task.error and _json([task.error.code, task.error.message]),
    }
    return {name: str(value).encode() for name, value in fields.items() if value is not None}


def decode(task_id: bytes, record: Record) -> Task:
    """The task of a record. Raises KeyError or ValueError when the record is not one of ours."""

    def integer(name: str) -> int:
        return int(record.get(name.encode(), b"0"))

    def instant(name: str) -> datetime | None:
        return EPOCH + timedelta(milliseconds=integer(name)) if name.encode() in record else None

    owner, result, error = (record.get(name.encode()) for name in (OWNER, RESULT, ERROR))
    return Task(
        task_id=id_text(task_id),
        spec=_decode_spec(record[SPEC.encode()]),
        status=Status(record[STATUS.encode()].decode()),
        version=integer(VERSION),
        attempt=integer(ATTEMPT),
        crashes=integer(CRASHES),
        claim=integer(CLAIM),
        owner=owner.decode() if owner else None,
        submitted_at=EPOCH + timedelta(milliseconds=integer(SUBMITTED)),
        started_at=instant(STARTED),
        finished_at=instant(FINISHED),
        result=json.loads(result) if result else None,
        error=TaskError(**dict(zip(("code", "message"), json.loads(error), strict=True))) if error else None,
    )


def _encode_spec(spec: TaskSpec) -> str:
    members = spec.members()
    return _json(
        {short: members[name] for name, short in SPEC_NAMES.items() if members[name] != SPEC_DEFAULTS.get(name)}
    )


def _decode_spec(text: bytes) -> TaskSpec:
    members = json.loads(text)
    return TaskSpec(**{name: members[short] for name, short in SPEC_NAMES.items() if short in members})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _milliseconds(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - EPOCH) // timedelta(milliseconds=1)
