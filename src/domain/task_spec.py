"""What the caller asks for: the members of a task that a client may set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Self, TypeVar

from domain.errors import InvalidTaskSpec, Violation
from domain.restore import restore
from domain.retry_policy import NO_RETRY, RetryPolicy
from domain.web_url import require_web_url

TASK_NAME_LENGTH = range(1, 201)
DURATION_SECONDS = range(1, 86_401)
TIMEOUT_SECONDS = range(1, 86_401)
DEFAULT_TIMEOUT_SECONDS = 3_600
DEFAULT_TYPE = "sleep"
"""The type of a task that names none, as in the original service."""
PRIORITIES = range(10)
QUEUE = r"[a-z0-9][a-z0-9_-]{0,62}"
T = TypeVar("T")

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
    duration: int | None = None
    """Seconds of simulated work; a task of the default type has it, others have a payload."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of every other type, as JSON."""
    queue: str = "default"
    priority: int = 5
    """0 to 9; 9 goes first."""
    run_at: datetime | None = None
    """Not before this time."""
    expires_at: datetime | None = None
    """Not at all when it has not started by this time."""
    timeout: int | None = None
    """Seconds that one run may take. None for the default of the type."""
    default_timeout: int = field(default=DEFAULT_TIMEOUT_SECONDS, compare=False)
    """Seconds that one run may take without a `timeout`. The type's handler decides it at submit."""
    retry: RetryPolicy = NO_RETRY
    labels: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    """Told when the task is final."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _frozen(self.labels))
        object.__setattr__(self, "payload", _frozen(self.payload))
        if violations := list(self._violations()):
            raise InvalidTaskSpec(violations)

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        """As it was once made, checked by the rules of then: stricter ones must not make it unreadable."""
        frozen = {name: _frozen(members.get(name, {})) for name in ("labels", "payload")}
        return restore(cls, {**members, **frozen})

    @property
    def effective_timeout(self) -> int:
        """Seconds that one run may take."""
        return self.default_timeout if self.timeout is None else self.timeout

    def with_default_timeout(self, seconds: int) -> Self:
        """Return this specification with another default timeout."""
        return restore(type(self), {**vars(self), "default_timeout": seconds})

    def _violations(self) -> Iterator[Violation]:
        """Yield each member that is outside its range, and what is wrong with it."""
        if len(self.task_name) not in TASK_NAME_LENGTH or not is_printable(self.task_name):
            yield "task_name", "Must be 1 to 200 characters without control characters."
        for name, text in (("task_name", self.task_name), ("type", self.type)):
            if text and is_blank(text):
                yield name, "Must not be blank."
        if not re.fullmatch(QUEUE, self.queue):
            yield "queue", f"Must be 1 to 63 of a-z, 0-9, hyphen and underscore, not {self.queue!r}."
        if self.priority not in PRIORITIES:
            yield "priority", f"Must be 0 to 9, not {self.priority}."
        if self.timeout is not None and self.timeout not in TIMEOUT_SECONDS:
            yield "timeout", f"Must be 1 to 86400 seconds, not {self.timeout}."
        if self.callback_url is not None:
            try:
                require_web_url(self.callback_url)
            except ValueError as error:
                yield "callback_url", f"{error}."
        yield from self._misfits_of_labels()
        yield from self._misfits_of_times()

    def _misfits_of_labels(self) -> Iterator[Violation]:
        if len(self.labels) > MAX_LABELS:
            yield "labels", f"At most {MAX_LABELS} labels are allowed, not {len(self.labels)}."
        for key, value in self.labels.items():
            if not re.fullmatch(LABEL_KEY, key):
                yield "labels", f"A key must match {LABEL_KEY}, unlike {key!r}."
            if len(value) not in LABEL_VALUE_LENGTH or not is_printable(value):
                yield "labels", f"{key} must have up to 255 characters, none of them control."
            if value and is_blank(value):
                yield "labels", f"{key} must be empty or have a character that is not blank."

    def _misfits_of_times(self) -> Iterator[Violation]:
        naive = False
        for name, instant in (("run_at", self.run_at), ("expires_at", self.expires_at)):
            if instant is not None and instant.tzinfo is None:
                naive = True
                yield name, "Must have a time zone."
        if not naive and self.run_at and self.expires_at and self.expires_at <= self.run_at:
            yield "expires_at", "Must be later than run_at."


DEFAULTS: Mapping[str, Any] = {
    member.name: member.default if member.default_factory is MISSING else member.default_factory()
    for member in fields(TaskSpec)
    if (member.default, member.default_factory) != (MISSING, MISSING)
}


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
            changes["labels"] = _merge(spec.labels, self.members["labels"])
        if self.members.get("payload") is not None:
            changes["payload"] = _merge(spec.payload, self.members["payload"])
        if self.members.get("retry") is not None:
            changes["retry"] = RetryPolicy(**_merge(asdict(spec.retry), self.members["retry"]))
        return replace(spec, **changes)


def is_printable(text: str) -> bool:
    """True without control characters and lone surrogates, which no UTF-8 reader can take."""
    return not UNPRINTABLE.search(text)


def is_blank(text: str) -> bool:
    """Return whether the text has no character that can be seen."""
    return not text.strip()


def _frozen(members: Mapping[str, T]) -> Mapping[str, T]:
    return members if isinstance(members, MappingProxyType) else MappingProxyType(dict(members))


def _default(name: str) -> Any:
    if name not in DEFAULTS:
        raise InvalidTaskSpec([(name, "Is required and cannot be removed.")])
    return DEFAULTS[name]


def _merge(members: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396: a null in the patch removes a member, an object in it is a patch itself."""
    merged = dict(members)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            inner = merged.get(name)
            merged[name] = _merge(inner if isinstance(inner, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged
