"""Find the members of a task that a change has changed, as callers see them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any

from application.json_values import encode_compact_json
from application.task_serializer import rfc3339
from domain.history import MemberChange
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.task_error import TaskError

MAX_SHOWN_BYTES = 2_048
"""Limit on the values of one change, as compact JSON. Of a larger one only the names are told."""
MAX_MESSAGE_LENGTH = 200
"""Characters of an error's message."""
SHOWN = {
    "status": "status",
    "attempt": "attempt",
    "cancel_requested": "cancel_requested",
    "discarded": "discarded",
    "due_at": "due_at",
    "error": "error",
    "last_error": "last_error",
    "spec.task_name": "task_name",
    "spec.type": "type",
    "spec.duration": "duration",
    "spec.queue": "queue",
    "spec.priority": "priority",
    "spec.run_at": "run_at",
    "spec.expires_at": "expires_at",
    "spec.effective_timeout": "timeout",
    "spec.retry": "retry",
    "spec.callback_url": "callback_url",
}
"""Attributes of a task, with the names that callers know."""
NAMED = {"spec.payload": "payload", "spec.secrets": "payload", "result": "result"}
"""Members of which no value is shown: they may be secret, and long."""

_shown, _named = attrgetter(*SHOWN), attrgetter(*NAMED)


def changed_members(before: Task, after: Task) -> tuple[MemberChange, ...]:
    """Return the members that differ, without those that follow from others."""
    changes = tuple(_changes(before, after))
    values = [value for change in changes for value in (change.before, change.after)]
    if len(encode_compact_json(values)) <= MAX_SHOWN_BYTES:
        return changes
    return tuple(MemberChange(member=change.member, are_shown=False) for change in changes)


def _changes(before: Task, after: Task) -> Iterator[MemberChange]:
    for name, old, new in zip(SHOWN.values(), _shown(before), _shown(after), strict=True):
        if old is not new and old != new:
            yield MemberChange(member=name, before=_value(old), after=_value(new))
    yield from _label_changes(before.spec.labels, after.spec.labels)
    named = zip(NAMED.values(), _named(before), _named(after), strict=True)
    for name in dict.fromkeys(name for name, old, new in named if old is not new and old != new):
        yield MemberChange(member=name, are_shown=False)


def _label_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[MemberChange]:
    if old is new:
        return
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield MemberChange(member=f"labels/{key}", before=old.get(key), after=new.get(key))


def _value(value: Any) -> Any:
    """Return the JSON value that callers see; None for one that the task does not show."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, TaskError):
        return asdict(value.shortened(MAX_MESSAGE_LENGTH))
    if isinstance(value, RetryPolicy):
        return asdict(value)
    return None if value is False else value
