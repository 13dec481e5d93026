"""Encode a schedule as a Redis hash: a counter of its saves, and one JSON text.

None, zero and defaults are not stored.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.redis.id_codec import require_id_bytes
from adapters.redis.stored_task import exact
from adapters.redis.task_codec import (
    LONG_BYTES,
    OMITTED,
    PAYLOAD,
    SECRETS,
    SEPARATOR,
    decode_spec,
    encode,
    encode_payload,
    encode_spec,
    epoch_milliseconds,
    instant,
)
from application.ports.task_archive import Stored
from domain.events import Event
from domain.restore import restore
from domain.schedule import MadeTask, Schedule, Skip, SkipReason
from domain.schedule_spec import DEFAULTS, Overlap, ScheduleSpec, require_schedule_name

SAVES, TEXT = b"v", b"d"
"""The guard `require_version` compares the field v."""
TIMES = ("starts_at", "ends_at")
SPEC_MEMBERS = tuple(name for name in DEFAULTS if name not in TIMES)


def encode_schedule(schedule: Schedule) -> dict[bytes, bytes]:
    """Return the fields of the record."""
    text = json.dumps(_members(schedule), separators=(",", ":"), ensure_ascii=False)
    return {SAVES: str(schedule.saves).encode(), TEXT: text.encode()}


def decode_schedule(name: str, record: Mapping[bytes, bytes]) -> Schedule:
    """Restore a schedule without validation. Raises KeyError or ValueError for a damaged one."""
    return _schedule(name, int(record[SAVES]), json.loads(record[TEXT]))


def to_archive(schedule: Schedule) -> Stored:
    """Return the record of a schedule as a JSON object."""
    return {"saves": schedule.saves, **_members(schedule)}


def of_archive(name: str, stored: Stored) -> Schedule:
    """Return the schedule of such an object. Raises ValueError for a damaged one."""
    try:
        require_schedule_name(name)
        return _schedule(name, exact(int(stored["saves"])), stored)
    except Exception as error:  # whatever is wrong with the file
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _members(schedule: Schedule) -> dict[str, Any]:
    spec, last_task, last_skip = schedule.spec, schedule.last_task, schedule.last_skip
    members = {
        "created_at": epoch_milliseconds(schedule.created_at),
        "updated_at": epoch_milliseconds(schedule.updated_at),
        "version": schedule.version,
        "next_slot": _time(schedule.next_slot),
        "last_slot": _time(schedule.last_slot),
        "last_task": last_task and [last_task.task_id, _time(last_task.slot)],
        "last_skip": last_skip
        and [last_skip.reason, epoch_milliseconds(last_skip.slot), last_skip.slots],
        "made": schedule.made or None,
        "skipped": schedule.skipped or None,
        "task": encode_spec(spec.task),
        "payload": encode_payload(spec.task.payload) or None,
        "secrets": spec.task.secrets,
        **{name: _time(getattr(spec, name)) for name in TIMES},
        **{
            name: value for name in SPEC_MEMBERS if (value := getattr(spec, name)) != DEFAULTS[name]
        },
    }
    return {name: value for name, value in members.items() if value is not None}


def _schedule(name: str, saves: int, members: Mapping[str, Any]) -> Schedule:
    last_task, last_skip = members.get("last_task"), members.get("last_skip")
    return restore(
        Schedule,
        {
            "name": name,
            "spec": _decode_spec(members),
            "saves": saves,
            "version": members["version"],
            "created_at": instant(members["created_at"]),
            "updated_at": instant(members["updated_at"]),
            "next_slot": _instant(members.get("next_slot")),
            "last_slot": _instant(members.get("last_slot")),
            "last_task": last_task
            and MadeTask(task_id=str(last_task[0]), slot=_instant(last_task[1])),
            "last_skip": last_skip
            and Skip(
                reason=SkipReason(last_skip[0]), slot=instant(last_skip[1]), slots=last_skip[2]
            ),
            "made": members.get("made", 0),
            "skipped": members.get("skipped", 0),
        },
    )


def skip_entry(schedule: Schedule, skip: Skip) -> dict[bytes, bytes]:
    """Return the fields of the event of skipped slots.

    They hold the record of the task that the last slot would have made, so that readers filter it
    as they filter tasks.
    """
    task = schedule.skipped_task()
    record = encode(task)
    record.pop(SECRETS, None)
    if len(record.get(PAYLOAD, b"")) > LONG_BYTES:
        record |= {PAYLOAD: b"", OMITTED: PAYLOAD}
    parts = (part for pair in record.items() if pair[1] for part in pair)
    return {
        b"event": Event.SCHEDULE_SKIPPED.value.encode(),
        b"id": require_id_bytes(task.task_id),
        b"record": SEPARATOR.join(parts),
        b"skip": json.dumps([skip.reason, epoch_milliseconds(skip.slot), skip.slots]).encode(),
    }


def decode_skip(text: bytes) -> Skip:
    """Return the skipped slots of an event. Raises ValueError for a damaged one."""
    reason, slot, slots = json.loads(text)
    return Skip(reason=SkipReason(reason), slot=instant(slot), slots=int(slots))


def _decode_spec(members: Mapping[str, Any]) -> ScheduleSpec:
    payload, secrets = members.get("payload"), members.get("secrets")
    stored = {name: members.get(name, DEFAULTS[name]) for name in SPEC_MEMBERS}
    return restore(
        ScheduleSpec,
        {
            **stored,
            **{name: _instant(members.get(name)) for name in TIMES},
            "overlap": Overlap(stored["overlap"]),
            "task": decode_spec(
                members["task"].encode(),
                None,
                payload.encode() if payload else None,
                json.dumps(secrets).encode() if secrets else None,
            ),
        },
    )


def _time(time: datetime | None) -> int | None:
    return None if time is None else epoch_milliseconds(time)


def _instant(stored: int | None) -> datetime | None:
    return None if stored is None else instant(stored)
