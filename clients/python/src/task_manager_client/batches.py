"""Divide many tasks into batches that the API accepts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from task_manager_client.bodies import NewTask
from task_manager_client.calls import to_json

ENVELOPE = len(b'{"tasks":[]}')


@dataclass(frozen=True)
class BatchLimits:
    """The limits of one POST /tasks/batch (docs/api.md, "Limits of a request")."""

    tasks: int = 1_000
    bytes: int = 8 * 1024 * 1024
    elements: int = 60_000
    """List elements and object members in all."""
    labels: int = 4_000
    """Different labels, by key and value."""


@dataclass(frozen=True)
class Chunk:
    """The tasks of one batch."""

    position: int
    """The number of tasks in the chunks before it."""
    count: int
    body: bytes
    """A JSON array."""


class _Filling:
    """The chunk that is being filled."""

    def __init__(self, position: int, limits: BatchLimits) -> None:
        self._position = position
        self._limits = limits
        self._tasks: list[bytes] = []
        self._bytes = ENVELOPE
        self._elements = 1
        self._labels: set[tuple[str, str]] = set()

    def takes(self, task: bytes, labels: set[tuple[str, str]]) -> bool:
        """Add the task if it fits, or if it is the first. Returns whether it was added."""
        size, elements = len(task) + 1, 1 + count_elements(task)
        fits = (
            len(self._tasks) < self._limits.tasks
            and self._bytes + size <= self._limits.bytes
            and self._elements + elements <= self._limits.elements
            and len(self._labels | labels) <= self._limits.labels
        )
        if self._tasks and not fits:
            return False
        self._tasks.append(task)
        self._bytes += size
        self._elements += elements
        self._labels |= labels
        return True

    def chunk(self) -> Chunk:
        return Chunk(self._position, len(self._tasks), b"[%b]" % b",".join(self._tasks))


def chunks(
    tasks: Iterable[NewTask | Mapping[str, Any]], limits: BatchLimits | None = None
) -> Iterator[Chunk]:
    """Yield the chunks in order. A task that is too large by itself has a chunk of its own.

    The same tasks and limits always make the same chunks. Only one chunk is in memory.
    """
    limits = limits or BatchLimits()
    filling, position = _Filling(0, limits), 0
    for task in tasks:
        encoded, labels = to_json(task), _labels(task)
        if not filling.takes(encoded, labels):
            yield filling.chunk()
            filling = _Filling(position, limits)
            filling.takes(encoded, labels)
        position += 1
    if position:
        yield filling.chunk()


def count_elements(encoded: bytes) -> int:
    """Return at least the number of list elements and object members, as the API counts them.

    A list or object of n elements has n - 1 commas and one bracket; an empty one counts as one.
    Commas and brackets in strings are counted, too, so the result may be too high.
    """
    return encoded.count(b",") + encoded.count(b"{") + encoded.count(b"[")


def _labels(task: Mapping[str, Any]) -> set[tuple[str, str]]:
    labels = task.get("labels")
    return (
        {(key, str(value)) for key, value in labels.items()} if isinstance(labels, dict) else set()
    )
