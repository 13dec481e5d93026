"""Encode a task as a Redis hash: short field names, and one JSON value for the specification.

None, zero and defaults are not stored. Scripts read and write only the status, version, fencing
token, attempt, owner and times.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from adapters.redis.id_codec import id_text
from application.json_values import JsonText
from application.store_layout import PRESENT_LAYOUT, UnknownLayout
from domain.restore import restore
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_error import TaskError
from domain.task_spec import DEFAULTS, TaskSpec
from domain.task_state import Progress, ScheduleSlot
from domain.trace_context import TraceContext

Record = Mapping[bytes, bytes]
Decoders = Mapping[bytes, Callable[[bytes], Any]]

STATUS, VERSION, ATTEMPT, CRASHED, CLAIM, OWNER = b"s", b"v", b"a", b"n", b"c", b"o"
SHARED_CRASHES = b"j"
CANCEL, DISCARDED = b"x", b"z"
SUBMITTER = b"g"
SCHEDULE = b"S"
"""The slot that made the task in milliseconds, a blank and the name of the schedule."""
SUBMITTED, DUE, STARTED, FINISHED, EXPIRES = b"u", b"w", b"b", b"f", b"y"
SPEC, PROGRESS, RESULT, ERROR, LAST_ERROR = b"d", b"p", b"r", b"e", b"m"
TRACE = b"t"
"""The traceparent, and behind a blank the tracestate if there is one. Nobody needs a damaged one,
which counts as none."""
ALWAYS = {STATUS, VERSION, SUBMITTED, SPEC}
PAYLOAD = b"i"
"""A field of its own, as the result is: both may be long, and events leave out long ones."""
SECRETS = b"I"
"""The values that stand masked in the payload. Events, lists and snapshots leave them out."""
LONG_BYTES = 4_096
"""A longer payload or result is omitted from events, lists and snapshots.

shared.lua and read.lua hold the same number.
"""
OMITTABLE = {PAYLOAD: "payload", RESULT: "result"}
OMITTED = b"omitted"
"""The names of long fields that a script omitted. It is never stored."""
LOG_SIZE = b"l"
"""Bytes of the log of the task, which is a list of its own. Only save.lua uses this field."""
LINES_DROPPED = b"k"
"""Number of lines that the log has lost. Only save.lua and log.lua use this field."""
SUBMITTED_BY = b"G"
"""Who submitted the task. Only task_history and stream_entries read it."""
COMPLETED_BY = b"O"
"""The owner of the run that succeeded in the first attempt. Only task_history reads it."""
CHANGED_BY = b"by"
"""Who made the change of which an event tells. It is in events and never in a record."""
RANK = b"q"
"""The place in the queue. Scripts set it when the task first waits, and unset it at the end."""

LAYOUT = b"h"
"""The layout of the record, as a number. A record of layout 1 has no such field."""

SPEC_NAMES = {
    "task_name": "n",
    "type": "t",
    "duration": "d",
    "callback_url": "c",
    "queue": "q",
    "priority": "p",
    "run_at": "r",
    "timeout": "o",
    "default_timeout": "e",
    "retry": "y",
    "labels": "l",
    "pool": "g",
}
"""expires_at has a field of its own, since claim.lua looks at it; so has the payload."""
SPEC_MEMBERS = {short: name for name, short in SPEC_NAMES.items()}
SEPARATOR = b"\0"
"""No value contains it: JSON escapes it, and others are words, numbers or names of processes."""
_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_from_json = json.JSONDecoder().decode
STATUSES = {status.value.encode(): status for status in Status}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(task: Task) -> dict[bytes, bytes]:
    """Return the fields of the record. Raises ValueError for a task with omitted members."""
    if task.omitted:
        raise ValueError(
            f"a task that was read without its {' and '.join(task.omitted)} cannot be stored anew"
        )
    members = zip(MEMBERS, _values(task), strict=True)
    # Of the values that are false, only a result is stored. A new task has thirteen others.
    set_members = ((name, value) for name, value in members if value or name == RESULT)
    values = ((name, _encoded(name, value)) for name, value in set_members)
    return {name: value for name, value in values if value is not None}


def encode_changes(before: Task, after: Task) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return the fields that differ with their new values, and those that are gone.

    A member that is the same object before and after costs nothing.

    Raises ValueError for a change of a member that was omitted when the task was read.
    """
    changed, gone = {}, []
    for name, old, new in zip(MEMBERS, _values(before), _values(after), strict=True):
        if old is new:
            continue
        if before.omitted and OMITTABLE.get(name) in before.omitted:
            if old != new:
                raise ValueError(
                    f"the {OMITTABLE[name]} of a task that was read without it cannot be changed"
                )
            continue
        value = _encoded(name, new)
        if value is not None:
            changed[name] = value
        elif _encoded(name, old) is not None:
            gone.append(name)
    return changed, gone


def unpack_record(packed: bytes) -> Record:
    """Return the fields of a record that a script packed into one text."""
    parts = packed.split(SEPARATOR)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def decode(task_id: bytes, record: Record, decoders: Decoders | None = None) -> Task:
    """Return the task of a record. Raises KeyError or ValueError for a damaged record, and
    UnknownLayout, a ValueError, for one of a newer layout.

    `decoders` is a mapping in the form of DECODERS, which is the default.
    """
    decoders = decoders or DECODERS
    require_known_layout(record)
    if missing := ALWAYS - record.keys():
        raise ValueError(f"a record without {missing}")
    members = {
        MEMBERS[name]: decoders[name](value) for name, value in record.items() if name in decoders
    }
    expires = record.get(EXPIRES)
    members["spec"] = decode_spec(
        record[SPEC],
        _instant(expires) if expires else None,
        record.get(PAYLOAD),
        record.get(SECRETS),
    )
    members["task_id"] = id_text(task_id)
    if OMITTED in record:
        members["omitted"] = tuple(
            name for field, name in OMITTABLE.items() if field in record[OMITTED]
        )
    return Task.restore(members)


def require_known_layout(record: Record) -> None:
    """Raise UnknownLayout for a record of a newer layout, which a newer release wrote."""
    if LAYOUT in record and (number := int(record[LAYOUT])) > PRESENT_LAYOUT.number:
        raise UnknownLayout(number)


def encode_payload(payload: Mapping[str, Any]) -> str:
    """Return the JSON of a payload; no text for an empty one."""
    return _json(dict(payload)) if payload else ""


def encode_progress(progress: Progress) -> str:
    return _json([progress.fraction, progress.message])


def _encoded(name: bytes, value: Any) -> bytes | None:
    """Return the value of a field; None for what is not stored."""
    if value is None:
        return None
    text = ENCODERS.get(name, _number)(value)
    return text.encode() if text else None


def _number(value: int) -> str:
    return str(int(value)) if value else ""


def encode_spec(spec: TaskSpec) -> str:
    """Short names, and only what differs from its default."""
    defaults = {**DEFAULTS, "default_timeout": unstored_default_timeout(spec.duration)}
    short_members = {}
    for name, short in SPEC_NAMES.items():
        value = getattr(spec, name)
        if name not in defaults or value != defaults[name]:
            short_members[short] = PLAIN[name](value) if name in PLAIN else value
    return _json(short_members)


def unstored_default_timeout(duration: int | None) -> int:
    """Return the default timeout, in seconds, of a record that has none.

    Never change it: records of earlier versions depend on it.
    """
    return duration + 60 if duration else 3_600


def decode_spec(
    text: bytes, expires_at: datetime | None, payload: bytes | None, secrets: bytes | None
) -> TaskSpec:
    """Return a specification from its JSON. Raises ValueError for a damaged one."""
    plain = _plain(text).items()
    members = {SPEC_MEMBERS[short]: value for short, value in plain if short in SPEC_MEMBERS}
    for name in RICH.keys() & members:
        members[name] = RICH[name](members[name])
    members["expires_at"] = expires_at
    members.setdefault("default_timeout", unstored_default_timeout(members.get("duration")))
    if payload:
        members["payload"] = _plain(payload)
    if secrets:
        members["secrets"] = _plain(secrets)
    if "task_name" not in members:
        raise ValueError("a specification without a name")
    return TaskSpec.restore(members)


def decode_slot(text: bytes) -> ScheduleSlot:
    """Return the schedule and slot of a task. Raises ValueError for a damaged one."""
    time, _, name = text.decode().partition(" ")
    if not name:
        raise ValueError("a slot without a schedule")
    return ScheduleSlot(name=name, slot=instant(int(time)) if time else None)


def _plain(text: bytes) -> Any:
    return _from_json(text.decode())


def epoch_milliseconds(instant: datetime) -> int:
    """Return the milliseconds since 1970, as Redis holds all times."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def instant(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def _instant(milliseconds: bytes) -> datetime:
    return instant(int(milliseconds))


def _time(instant: datetime) -> str:
    return str(epoch_milliseconds(instant))


PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "run_at": epoch_milliseconds,
    "retry": asdict,
    "labels": dict,
}
RICH: Mapping[str, Callable[[Any], Any]] = {
    "run_at": instant,
    "retry": partial(restore, RetryPolicy),
}

MEMBERS = {
    STATUS: "status",
    VERSION: "version",
    ATTEMPT: "attempt",
    CRASHED: "crashed_fencing_tokens",
    SHARED_CRASHES: "shared_crashes",
    CLAIM: "fencing_token",
    OWNER: "owner",
    CANCEL: "cancel_requested",
    DISCARDED: "discarded",
    SUBMITTER: "submitted_by",
    SCHEDULE: "schedule",
    SUBMITTED: "submitted_at",
    DUE: "due_at",
    STARTED: "started_at",
    FINISHED: "finished_at",
    EXPIRES: "spec.expires_at",
    SPEC: "spec",
    PAYLOAD: "spec.payload",
    SECRETS: "spec.secrets",
    PROGRESS: "progress",
    RESULT: "result",
    ERROR: "error",
    LAST_ERROR: "last_error",
    TRACE: "trace",
}
_values = attrgetter(*MEMBERS.values())
ENCODERS: Mapping[bytes, Callable[[Any], str]] = {
    STATUS: str,
    CRASHED: lambda claims: " ".join(map(str, claims)),
    **dict.fromkeys((OWNER, SUBMITTER), str),
    SCHEDULE: lambda slot: f"{epoch_milliseconds(slot.slot) if slot.slot else ''} {slot.name}",
    **dict.fromkeys((SUBMITTED, DUE, STARTED, FINISHED, EXPIRES), _time),
    SPEC: encode_spec,
    PAYLOAD: encode_payload,
    SECRETS: _json,
    PROGRESS: encode_progress,
    RESULT: lambda result: str(result) if isinstance(result, JsonText) else _json(result),
    **dict.fromkeys((ERROR, LAST_ERROR), lambda error: _json([error.code, error.message])),
    TRACE: lambda trace: f"{trace.traceparent} {trace.tracestate}".rstrip(),
}
"""Other members are numbers."""
DECODERS: Decoders = {
    STATUS: STATUSES.__getitem__,
    **dict.fromkeys((VERSION, ATTEMPT, CLAIM, SHARED_CRASHES), int),
    CRASHED: lambda claims: tuple(map(int, claims.split())),
    **dict.fromkeys((OWNER, SUBMITTER), bytes.decode),
    SCHEDULE: decode_slot,
    **dict.fromkeys((CANCEL, DISCARDED), lambda _: True),
    **dict.fromkeys((SUBMITTED, DUE, STARTED, FINISHED), _instant),
    PROGRESS: lambda progress: Progress(
        **dict(zip(("fraction", "message"), _plain(progress), strict=True))
    ),
    RESULT: _plain,
    **dict.fromkeys(
        (ERROR, LAST_ERROR),
        lambda error: TaskError(**dict(zip(("code", "message"), _plain(error), strict=True))),
    ),
    TRACE: lambda trace: TraceContext.parse(*trace.decode("ascii", "replace").split(" ", 1)),
}
"""Decoders of the members of a task without its specification."""
