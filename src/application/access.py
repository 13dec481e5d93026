"""The caller of a request, and which tasks it has."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from application.task_filter import EVERY_TASK, NO_TASK, TaskFilter
from domain.access import PERMISSIONS, AccessKey, Permission, Role
from domain.errors import Violation
from domain.rate_limit import RateLimit
from domain.task_spec import TaskSpec


@dataclass(frozen=True, kw_only=True)
class Caller:
    key_id: str = ""
    """Empty where callers are not told apart."""
    name: str = ""
    role: Role
    permissions: frozenset[Permission]
    scope: TaskFilter = EVERY_TASK
    """The caller's tasks. It learns nothing of others."""
    by_link: bool = False
    """True for whoever holds a link that the key has made."""
    rate_limit: RateLimit | None = None
    """The limit of its key; None for that of all callers."""

    @classmethod
    def of(cls, key: AccessKey) -> Self:
        """Return the caller that shows this key."""
        scope = TaskFilter(
            queues=frozenset(key.queues),
            labels=key.labels,
            submitted_by=key.key_id if key.role is Role.SUBMITTER else None,
        )
        return cls(
            key_id=key.key_id,
            name=key.name,
            role=key.role,
            permissions=key.permissions,
            scope=EVERY_TASK if scope == EVERY_TASK else scope,
            rate_limit=key.rate_limit,
        )

    @property
    def has_every_task(self) -> bool:
        return self.scope is EVERY_TASK

    @property
    def sees_positions(self) -> bool:
        """Return whether the caller has all tasks of its queues.

        Otherwise the position of a task would tell the number of tasks of others.
        """
        return not self.scope.labels and self.scope.submitted_by is None

    def narrow(self, wanted: TaskFilter) -> TaskFilter:
        """Return the filter for those of the wanted tasks that the caller has."""
        if self.has_every_task:
            return wanted
        labels = {**wanted.labels, **self.scope.labels}
        if wanted.labels.items() - labels.items():
            return NO_TASK
        queues = self.scope.queues
        if wanted.queue is not None:
            if queues and wanted.queue not in queues:
                return NO_TASK
            queues = frozenset()
        return replace(wanted, labels=labels, queues=queues, submitted_by=self.scope.submitted_by)

    def bind(self, spec: TaskSpec) -> TaskSpec:
        """Return the specification with the labels to which the caller is bound."""
        if not self.scope.labels or self.scope.labels.items() <= spec.labels.items():
            return spec
        return replace(spec, labels={**self.scope.labels, **spec.labels})

    def has_schedule_of(self, spec: TaskSpec) -> bool:
        """Return whether the caller has the schedule that makes tasks like this."""
        scope = self.scope
        return (
            scope.submitted_by is None
            and (not scope.queues or spec.queue in scope.queues)
            and scope.labels.items() <= spec.labels.items()
        )

    def violations(self, spec: TaskSpec) -> Iterator[Violation]:
        """Yield why the caller may not have a task like this."""
        if self.scope.queues and spec.queue not in self.scope.queues:
            allowed = ", ".join(sorted(self.scope.queues))
            yield "queue", f"This key is bound to the queues {allowed}, not {spec.queue!r}."
        for key, value in self.scope.labels.items():
            if spec.labels.get(key, value) != value:
                yield f"labels/{key}", f"This key is bound to {value!r}. Leave the label out."


ANYONE = Caller(role=Role.ADMIN, permissions=PERMISSIONS[Role.ADMIN])
"""Every caller, where they are not told apart."""
