"""What the caller asks for: the members of a task that a client may set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from domain.errors import InvalidTaskSpec

TASK_NAME_LENGTH = range(1, 201)
DURATION_SECONDS = range(1, 86_401)
PRIORITIES = range(10)
DEFAULT_PRIORITY = 5
DEFAULT_TYPE = "sleep"
DEFAULTS: Mapping[str, Any] = {"priority": DEFAULT_PRIORITY, "labels": {}}
MAX_LABELS = 16
LABEL_KEY = r"[a-z0-9._-]{1,63}"
LABEL_VALUE_LENGTH = range(256)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """What the caller asks for. Immutable; raises InvalidTaskSpec where a member is outside its range."""

    task_name: str
    type: str = DEFAULT_TYPE
    """What kind of work it is."""
    duration: int
    """Seconds of simulated work."""
    priority: int = DEFAULT_PRIORITY
    """0 to 9; 9 goes first."""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", MappingProxyType(dict(self.labels)))
        if len(self.task_name) not in TASK_NAME_LENGTH or not is_printable(self.task_name):
            raise InvalidTaskSpec("task_name", "Must be 1 to 200 characters without control characters.")
        if self.duration not in DURATION_SECONDS:
            raise InvalidTaskSpec("duration", f"Must be 1 to 86400 seconds, not {self.duration}.")
        if self.priority not in PRIORITIES:
            raise InvalidTaskSpec("priority", f"Must be 0 to 9, not {self.priority}.")
        if len(self.labels) > MAX_LABELS:
            raise InvalidTaskSpec("labels", f"At most {MAX_LABELS} labels are allowed, not {len(self.labels)}.")

    def members(self) -> dict[str, Any]:
        """Every member by its name, as plain values."""
        values = {member.name: getattr(self, member.name) for member in fields(self)}
        return {**values, "labels": dict(self.labels)}


@dataclass(frozen=True)
class TaskPatch:
    """A JSON merge patch (RFC 7396) of a TaskSpec; None removes a member, which returns it to its default.

    Raises InvalidTaskSpec when the result would lack a member or be outside its range.
    """

    members: Mapping[str, Any]

    FREE = frozenset({"task_name", "labels"})
    """They describe the task and do not change what it does: allowed in every state."""

    @property
    def changes_the_work(self) -> bool:
        return not self.members.keys() <= self.FREE

    def applied_to(self, spec: TaskSpec) -> TaskSpec:
        changes = {name: _default(name) if value is None else value for name, value in self.members.items()}
        if self.members.get("labels") is not None:
            merged = {**spec.labels, **self.members["labels"]}
            changes["labels"] = {key: value for key, value in merged.items() if value is not None}
        return replace(spec, **changes)


def _default(name: str) -> Any:
    if name not in DEFAULTS:
        raise InvalidTaskSpec(name, "Is required and cannot be removed.")
    return DEFAULTS[name]


def is_printable(text: str) -> bool:
    """True without control characters and lone surrogates, which no UTF-8 reader can take."""
    return not UNPRINTABLE.search(text)
