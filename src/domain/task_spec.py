"""The specification of a task: the members that a caller may set, and their rules."""

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
WORK_MEMBERS = ("duration", "payload")
"""The members whose rules depend on the type."""
PROCESS = "process"
"""The pool of processes that run one task at a time."""
IO = "io"
"""The pool of one process that runs many tasks at a time, which mostly wait."""
PRIORITIES = range(10)
DEFAULT_QUEUE = "default"
QUEUE = r"[a-z0-9][a-z0-9_-]{0,62}"
T = TypeVar("T")

MAX_LABELS = 16
LABEL_KEY = r"[a-z0-9._-]{1,63}"
LABEL_VALUE_LENGTH = range(256)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """The members that a caller sets. Immutable.

    Raises InvalidTaskSpec with every invalid member.
    """

    task_name: str
    type: str = DEFAULT_TYPE
    """The kind of work."""
    duration: int | None = None
    """Seconds of simulated work; a task of the default type has it, others have a payload."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of the other types, as a JSON object."""
    queue: str = DEFAULT_QUEUE
    priority: int = 5
    """0 to 9; 9 starts first."""
    run_at: datetime | None = None
    """The task does not start before this time."""
    expires_at: datetime | None = None
    """The task expires if it has not started by this time."""
    timeout: int | None = None
    """Seconds that one run may take. None for the default of the type."""
    default_timeout: int = field(default=DEFAULT_TIMEOUT_SECONDS, compare=False)
    """Seconds that one run may take without a `timeout`. The type's handler decides it at
    submit."""
    pool: str = field(default=PROCESS, compare=False)
    """The pool of a worker that runs the task. The type's handler decides it at submit."""
    retry: RetryPolicy = NO_RETRY
    labels: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    """The URL to which a webhook is sent when the task is final."""
    secrets: Mapping[str, Any] | None = field(default=None, repr=False)
    """The values that stand masked in the payload, as application.secret_members has them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _frozen(self.labels))
        object.__setattr__(self, "payload", _frozen(self.payload))
        if violations := list(self._violations()):
            raise InvalidTaskSpec(violations)

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        """Restore without validation, so that stricter rules never make stored tasks unreadable."""
        frozen = {name: _frozen(members.get(name, {})) for name in ("labels", "payload")}
        return restore(cls, {**members, **frozen})

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def for_restart(self, now: datetime) -> Self:
        """Return a copy without a run_at that lies ahead and without an expires_at that has passed.

        The other members are not validated again.
        """
        run_at = self.run_at if self.run_at and self.run_at <= now else None
        expires_at = None if self.has_expired(now) else self.expires_at
        return restore(type(self), {**vars(self), "run_at": run_at, "expires_at": expires_at})

    def labelled(self, key: str, value: str) -> Self:
        """Return this specification with one more label. It is not validated again."""
        return restore(type(self), {**vars(self), "labels": _frozen({**self.labels, key: value})})

    @property
    def effective_timeout(self) -> int:
        """Seconds that one run may take."""
        return self.default_timeout if self.timeout is None else self.timeout

    def with_payload(self, payload: Mapping[str, Any], secrets: Mapping[str, Any] | None) -> Self:
        """Return this specification with the payload in another form. It is not validated."""
        members = {**vars(self), "payload": _frozen(payload), "secrets": secrets}
        return restore(type(self), members)

    def with_default_timeout(self, seconds: int) -> Self:
        """Return this specification with this default timeout."""
        if seconds == self.default_timeout:
            return self
        return restore(type(self), {**vars(self), "default_timeout": seconds})

    def in_pool(self, pool: str) -> Self:
        """Return this specification with this pool."""
        return self if pool == self.pool else restore(type(self), {**vars(self), "pool": pool})

    def _violations(self) -> Iterator[Violation]:
        """Yield everything that is wrong."""
        if len(self.task_name) not in TASK_NAME_LENGTH or not is_printable(self.task_name):
            yield "task_name", "Must be 1 to 200 characters without control characters."
        for name, text in (("task_name", self.task_name), ("type", self.type)):
            if text and is_blank(text):
                yield name, "Must not be blank."
        if not re.fullmatch(QUEUE, self.queue):
            yield (
                "queue",
                f"Must be 1 to 63 of a-z, 0-9, hyphen and underscore, not {self.queue!r}.",
            )
        if self.priority not in PRIORITIES:
            yield "priority", f"Must be 0 to 9, not {self.priority}."
        if self.timeout is not None and self.timeout not in TIMEOUT_SECONDS:
            yield "timeout", f"Must be 1 to 86400 seconds, not {self.timeout}."
        if self.callback_url is not None:
            try:
                require_web_url(self.callback_url)
            except ValueError as error:
                yield "callback_url", f"{error}."
        yield from self._label_violations()
        yield from self._time_violations()

    def _label_violations(self) -> Iterator[Violation]:
        if len(self.labels) > MAX_LABELS:
            yield "labels", f"At most {MAX_LABELS} labels are allowed, not {len(self.labels)}."
        for key, value in self.labels.items():
            if not re.fullmatch(LABEL_KEY, key):
                yield "labels", f"A key must match {LABEL_KEY}, not {key!r}."
            if len(value) not in LABEL_VALUE_LENGTH or not is_printable(value):
                yield "labels", f"{key} must have up to 255 characters, without control characters."
            if value and is_blank(value):
                yield "labels", f"{key} must be empty or have a character that is not blank."

    def _time_violations(self) -> Iterator[Violation]:
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
    """A JSON merge patch (RFC 7396) of a TaskSpec. None returns a member to its default."""

    members: Mapping[str, Any]

    FREE = frozenset({"task_name", "labels"})
    """Members that describe the task but do not change its work: they can be changed in every
    state."""

    @property
    def changes_the_work(self) -> bool:
        return not self.members.keys() <= self.FREE

    def apply_to(self, spec: TaskSpec) -> TaskSpec:
        """Return the changed copy.

        Raises InvalidTaskSpec when it lacks a member or has an invalid one.
        """
        changes = {
            name: _default(name) if value is None else value for name, value in self.members.items()
        }
        if self.members.get("labels") is not None:
            changes["labels"] = _merge(spec.labels, self.members["labels"])
        if self.members.get("payload") is not None:
            changes["payload"] = _merge(spec.payload, self.members["payload"])
        if self.members.get("retry") is not None:
            changes["retry"] = RetryPolicy(**_merge(asdict(spec.retry), self.members["retry"]))
        return replace(spec, **changes)


def is_printable(text: str) -> bool:
    """Return whether the text has no control characters and no lone surrogates (not valid in
    UTF-8).
    """
    return not UNPRINTABLE.search(text)


def is_blank(text: str) -> bool:
    """Return whether the text has no visible character."""
    return not text.strip()


def _frozen(members: Mapping[str, T]) -> Mapping[str, T]:
    return members if isinstance(members, MappingProxyType) else MappingProxyType(dict(members))


def _default(name: str) -> Any:
    if name not in DEFAULTS:
        raise InvalidTaskSpec([(name, "Is required and cannot be removed.")])
    return DEFAULTS[name]


def _merge(members: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge as RFC 7396 does: None in the patch removes a member; a mapping in it is a patch
    itself.
    """
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
