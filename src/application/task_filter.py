"""The conditions by which tasks are searched."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from application.json_values import JsonText
from domain.status import Status
from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """A task matches when it meets every condition that is set."""

    statuses: frozenset[Status] = frozenset()
    """The task has any of these states; empty for all states."""
    type: str | None = None
    queue: str | None = None
    queues: frozenset[str] = frozenset()
    """The task has any of these queues; empty for all queues. Only the scope of a key sets it."""
    submitted_by: str | None = None
    """The id of the key that submitted the task."""
    labels: Mapping[str, str] = field(default_factory=dict)
    submitted_after: datetime | None = None
    """Exclusive."""
    submitted_before: datetime | None = None
    """Exclusive."""
    task_name: str | None = None
    """The exact name."""
    text: str | None = None
    """Contained in the name, payload, result or error, ignoring case."""

    @property
    def needs_scan(self) -> bool:
        """True if the tasks themselves must be read because no index has the condition."""
        return self.task_name is not None or self.text is not None

    @property
    def is_combined(self) -> bool:
        """True if no single index has all matching tasks."""
        one_each = len(self.statuses) + len(self.labels) + len(self.queues)
        singles = (self.type, self.queue, self.submitted_by)
        return one_each + sum(single is not None for single in singles) > 1

    def matches(self, task: Task) -> bool:
        spec, submitted = task.spec, task.submitted_at
        return (
            (not self.statuses or task.status in self.statuses)
            and self.type in (None, spec.type)
            and self.queue in (None, spec.queue)
            and (not self.queues or spec.queue in self.queues)
            and self.submitted_by in (None, task.submitted_by)
            and self.labels.items() <= spec.labels.items()
            and (self.submitted_after is None or submitted > self.submitted_after)
            and (self.submitted_before is None or submitted < self.submitted_before)
            and self.matches_scan(task)
        )

    def matches_scan(self, task: Task) -> bool:
        """Return whether the task meets the conditions that no index has."""
        if self.task_name not in (None, task.spec.task_name):
            return False
        if self.text is None:
            return True
        wanted = self.text.casefold()
        return any(wanted in text.casefold() for text in _texts(task))


EVERY_TASK = TaskFilter()
NO_TASK = TaskFilter(submitted_by="")
"""No key has an empty id."""


def compact(value: Any) -> str:
    """Return JSON without blanks: the form in which payloads and results are searched."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _texts(task: Task) -> Iterator[str]:
    yield task.spec.task_name
    if task.spec.payload:
        yield compact(dict(task.spec.payload))
    if task.result is not None:
        yield _result_text(task.result)
    if task.error is not None:
        yield task.error.code
        yield task.error.message


def _result_text(result: Any) -> str:
    if isinstance(result, JsonText):
        if not result.encoded.startswith(b'"'):
            return str(result)
        result = result.value
    return result if isinstance(result, str) else compact(result)
