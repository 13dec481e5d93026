"""Roles, their permissions, and the keys that callers show."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Self

from domain.errors import Violation
from domain.rate_limit import RateLimit
from domain.task_spec import (
    LABEL_KEY,
    LABEL_VALUE_LENGTH,
    QUEUE,
    is_blank,
    is_printable,
)

KEY_NAME_LENGTH = range(1, 101)
MAX_BOUND_QUEUES = 20
MAX_BOUND_LABELS = 8
TOKEN = re.compile(r"tm_([0-9a-z]{12})_([0-9A-Za-z_-]{43})")
"""The id of a key, and a secret of 256 bits in base64url (RFC 4648, section 5)."""


class Permission(StrEnum):
    """A right that an operation of the API needs."""

    READ = "read"
    """Read, list and follow tasks."""
    SUBMIT = "submit"
    CHANGE = "change"
    """Update, cancel and retry tasks, and send their callbacks again."""
    DELETE = "delete"
    OBSERVE_QUEUES = "observe_queues"
    OPERATE_QUEUES = "operate_queues"
    """Pause, resume and remove queues."""
    READ_SCHEDULES = "read_schedules"
    OPERATE_SCHEDULES = "operate_schedules"
    """Write, pause, run and delete schedules."""
    OBSERVE = "observe"
    """See statistics, workers and deliveries, which concern the tasks of all callers."""
    MANAGE_KEYS = "manage_keys"
    READ_METRICS = "read_metrics"
    """Read numbers of the whole service, to monitor and scale it."""


class Role(StrEnum):
    VIEWER = "viewer"
    SUBMITTER = "submitter"
    """Has only the tasks that its own key submitted."""
    OPERATOR = "operator"
    ADMIN = "admin"
    METRICS = "metrics"


_VIEW = {
    Permission.READ,
    Permission.OBSERVE_QUEUES,
    Permission.READ_SCHEDULES,
    Permission.OBSERVE,
    Permission.READ_METRICS,
}
_OPERATE = _VIEW | {
    Permission.SUBMIT,
    Permission.CHANGE,
    Permission.DELETE,
    Permission.OPERATE_QUEUES,
    Permission.OPERATE_SCHEDULES,
}
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset(_VIEW),
    Role.SUBMITTER: frozenset({Permission.READ, Permission.SUBMIT, Permission.CHANGE}),
    Role.OPERATOR: frozenset(_OPERATE),
    Role.ADMIN: frozenset(_OPERATE | {Permission.MANAGE_KEYS}),
    Role.METRICS: frozenset({Permission.READ_METRICS}),
}
WHOLE_SERVICE = frozenset({Permission.OBSERVE, Permission.READ_METRICS})
"""Permissions that a bound key lacks, since they show the tasks of others."""
WHOLE_QUEUES = frozenset({Permission.OBSERVE_QUEUES, Permission.OPERATE_QUEUES})
"""Permissions that a key bound to labels lacks: its queues also hold the tasks of others."""


class InvalidAccessKey(ValueError):
    """Members of a key are outside their ranges."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        """`violations` holds everything that is wrong; the message repeats the first one."""
        pointer, message = violations[0]
        super().__init__(f"{pointer}: {message}")
        self.violations = violations


class Token(NamedTuple):
    """The credentials that a caller shows: `tm_<id of the key>_<secret>`."""

    key_id: str
    secret: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the parts of a token; None for any other text."""
        match = TOKEN.fullmatch(text)
        return cls(*match.groups()) if match else None

    @property
    def sha256(self) -> bytes:
        """The hash of the secret, which alone is stored."""
        return sha256(self.secret.encode()).digest()

    def __str__(self) -> str:
        return f"tm_{self.key_id}_{self.secret}"


@dataclass(frozen=True, kw_only=True)
class StoredSecret:
    """A secret of a key. Only its hash is stored."""

    sha256: bytes
    expires_at: datetime | None = None
    """None for the newest secret, which lives as long as the key."""


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A key of the API. Raises InvalidAccessKey with every invalid member."""

    key_id: str
    name: str
    role: Role
    created_at: datetime
    secrets: tuple[StoredSecret, ...]
    """The newest first."""
    queues: tuple[str, ...] = ()
    """The queues to which the key is bound; empty for all."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that its tasks have; empty for the tasks of all."""
    expires_at: datetime | None = None
    rate_limit: RateLimit | None = None
    """The limit of the key alone; None for that of all callers."""

    def __post_init__(self) -> None:
        if violations := self._violations():
            raise InvalidAccessKey(violations)

    @property
    def permissions(self) -> frozenset[Permission]:
        granted = PERMISSIONS[self.role]
        if self.labels:
            granted -= WHOLE_QUEUES
        return granted - WHOLE_SERVICE if self.queues or self.labels else granted

    def valid_hashes(self, now: datetime) -> Sequence[bytes]:
        """Return the hashes of the secrets that open the key; none when it has expired."""
        if self.has_expired(now):
            return []
        return [
            each.sha256 for each in self.secrets if each.expires_at is None or each.expires_at > now
        ]

    def accepts(self, sha256: bytes, now: datetime) -> bool:
        """Return whether a secret with this hash opens the key. Takes the same time for each."""
        valid = [
            hmac.compare_digest(secret.sha256, sha256)
            and (secret.expires_at is None or secret.expires_at > now)
            for secret in self.secrets
        ]
        return any(valid) and not self.has_expired(now)

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def rotate(self, sha256: bytes, old_secret_until: datetime) -> Self:
        """Return the key with a new secret. The one before it lives until the given time."""
        newest = replace(self.secrets[0], expires_at=old_secret_until)
        return replace(self, secrets=(StoredSecret(sha256=sha256), newest))

    def _violations(self) -> list[Violation]:
        violations: list[Violation] = []
        if len(self.name) not in KEY_NAME_LENGTH or not is_printable(self.name):
            violations.append(("name", "Must be 1 to 100 characters without control characters."))
        elif is_blank(self.name):
            violations.append(("name", "Must not be blank."))
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            violations.append(("expires_at", "Must have a time zone."))
        elif self.expires_at is not None and self.expires_at <= self.created_at:
            violations.append(("expires_at", "Must lie ahead."))
        if self.role in {Role.ADMIN, Role.METRICS}:
            violations += [
                (name, f"A key with the role {self.role} cannot be bound.")
                for name in ("queues", "labels")
                if getattr(self, name)
            ]
        return violations + self._bound_violations()

    def _bound_violations(self) -> list[Violation]:
        violations: list[Violation] = []
        if len(self.queues) > MAX_BOUND_QUEUES:
            violations.append(("queues", f"At most {MAX_BOUND_QUEUES} queues are allowed."))
        if len(self.labels) > MAX_BOUND_LABELS:
            violations.append(("labels", f"At most {MAX_BOUND_LABELS} labels are allowed."))
        violations += [
            ("queues", f"Must be 1 to 63 of a-z, 0-9, hyphen and underscore, not {queue!r}.")
            for queue in self.queues
            if not re.fullmatch(QUEUE, queue)
        ]
        for key, value in self.labels.items():
            if not re.fullmatch(LABEL_KEY, key):
                violations.append(("labels", f"A key must match {LABEL_KEY}, not {key!r}."))
            elif len(value) not in LABEL_VALUE_LENGTH or not is_printable(value):
                violations.append(
                    ("labels", f"{key} must have up to 255 characters, without control characters.")
                )
        return violations
