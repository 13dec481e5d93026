"""What the caller asks for: the members of a task that a client may set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Self, TypeVar

from domain.errors import InvalidTaskSpec, Violation
from domain.restore import restore
from domain.retry_policy import RetryPolicy
from domain.web_url import require_web_url

TASK_NAME_LENGTH = range(1, 201)
DURATION_SECONDS = range(1, 86_401)
TIMEOUT_SECONDS = range(1, 86_401)
DEFAULT_TIMEOUT_SECONDS = 3_600
SLEEP, HTTP = "sleep", "http"
SLEEP_MARGIN_SECONDS = 60
"""A task that sleeps may take this much longer than its duration."""
PRIORITIES = range(10)
QUEUE = r"[a-z0-9][a-z0-9_-]{0,62}"
T = TypeVar("T")

NO_RETRY, HTTP_RETRY = RetryPolicy(), RetryPolicy(max_attempts=5)
MAX_LABELS = 16
LABEL_KEY = r"[a-z0-9._-]{1,63}"
LABEL_VALUE_LENGTH = range(256)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """What the caller asks for. Immutable; raises InvalidTaskSpec where a member is outside its range."""

    task_name: str
    type: str = SLEEP
    """What kind of work it is."""
    duration: int | None = None
    """Seconds of simulated work; tasks of the type sleep need it, others have none."""
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
    """Seconds that one run may take; see `run_seconds` for the default."""
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
    def run_seconds(self) -> int:
        """The longest that one run may take."""
        if self.timeout is not None:
            return self.timeout
        if self.type == SLEEP and self.duration:
            return self.duration + SLEEP_MARGIN_SECONDS
        return DEFAULT_TIMEOUT_SECONDS

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
        if self.type == SLEEP:
            yield from self._misfits_of_sleep()
        if self.callback_url is not None:
            try:
                require_web_url(self.callback_url)
            except ValueError as error:
                yield "callback_url", f"{error}."
        yield from self._misfits_of_labels()
        yield from self._misfits_of_times()

    def _misfits_of_sleep(self) -> Iterator[Violation]:
        if self.duration is None:
            yield "duration", "Is required for the type sleep."
        elif self.duration not in DURATION_SECONDS:
            yield "duration", f"Must be 1 to 86400 seconds, not {self.duration}."
        if self.payload:
            yield "payload", "The type sleep takes none."

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


def default_retry(type: str) -> RetryPolicy:
    """What is elsewhere fails for a moment more often than our own code does."""
    return HTTP_RETRY if type == HTTP else NO_RETRY


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
        changes = {name: _default(name, spec) if value is None else value for name, value in self.members.items()}
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


def _default(name: str, spec: TaskSpec) -> Any:
    if name == "retry":
        return default_retry(spec.type)
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
