"""The lines of an archive of tasks: one JSON object each.

    {"kind": "queue", "name": "mail", "paused": true}
    {"kind": "task", "task_id": "…", "status": "COMPLETED", "stored": {…}}
    {"kind": "request", "stored": {…}}
    {"kind": "schedule", "name": "nightly", "stored": {…}}
    {"kind": "end", "tasks": 100000}

`status` is for people and other programs; `stored` is in the form of the store. Each line stands
for itself, so that an archive can be filtered, split and joined. The last line shows that nothing
is missing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from application.ports.task_archive import ArchivedTask, Stored
from domain.task_spec import QUEUE

MAX_LINE_BYTES = 256 * 2**20
"""A longer line is damaged. The longest task of a service with the default limits has 5 MiB."""

_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class DamagedLine(ValueError):
    """The line is no line of an archive."""


@dataclass(frozen=True)
class PausedQueue:
    name: str


@dataclass(frozen=True)
class TaskLine:
    task_id: str
    stored: Stored


@dataclass(frozen=True)
class RequestLine:
    stored: Stored


@dataclass(frozen=True)
class ScheduleLine:
    name: str
    stored: Stored


@dataclass(frozen=True)
class EndLine:
    tasks: int


Line = PausedQueue | TaskLine | RequestLine | ScheduleLine | EndLine


def queue_line(name: str) -> str:
    return _json({"kind": "queue", "name": name, "paused": True})


def task_line(archived: ArchivedTask) -> str:
    task = archived.task
    members = {"task_id": task.task_id, "status": task.status, "stored": archived.stored}
    return _json({"kind": "task", **members})


def request_line(stored: Stored) -> str:
    return _json({"kind": "request", "stored": stored})


def schedule_line(name: str, stored: Stored) -> str:
    return _json({"kind": "schedule", "name": name, "stored": stored})


def end_line(tasks: int) -> str:
    return _json({"kind": "end", "tasks": tasks})


def parse(line: bytes) -> Line:
    """Return what the line says. Raises DamagedLine."""
    if len(line) > MAX_LINE_BYTES:
        raise DamagedLine(f"it has more than {MAX_LINE_BYTES // 2**20} MiB")
    try:
        members = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedLine(f"it is no JSON: {error}") from error
    if not isinstance(members, dict):
        raise DamagedLine("it is no JSON object")
    try:
        return _line(members)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamagedLine(f"a member is missing or wrong: {error}") from error


def _line(members: Mapping[str, Any]) -> Line:
    kind = members.get("kind")
    if kind == "queue" and re.fullmatch(QUEUE, members["name"]) and members["paused"] is True:
        return PausedQueue(members["name"])
    if kind == "task":
        return TaskLine(_text(members["task_id"]), _object(members["stored"]))
    if kind == "request":
        return RequestLine(_object(members["stored"]))
    if kind == "schedule":
        return ScheduleLine(_text(members["name"]), _object(members["stored"]))
    if kind == "end":
        return EndLine(int(members["tasks"]))
    raise ValueError(f"the kind {kind!r} is unknown")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _object(value: Any) -> Stored:
    if not isinstance(value, dict):
        raise TypeError("`stored` is no object")
    return value
