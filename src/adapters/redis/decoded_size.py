"""Estimate the memory of tasks that are kept decoded."""

from collections.abc import Iterable

TASK_BYTES = 4_096
"""Memory of a task with its specification, besides the texts of its record, measured generously."""
CONTAINER_BYTES = 80
"""Memory of an empty list or object. Each garbage collection visits it as well."""
VALUE_BYTES = 32
"""Memory of a number and the reference to it, at least."""


def decoded_size(texts: Iterable[bytes]) -> int:
    """Return about as many bytes as a task takes with the texts of its record.

    A list of empty lists takes 27 times the memory of its text.
    """
    text = b"".join(texts)
    containers, values = len(text) - len(text.translate(None, b"[{")), text.count(b",")
    return TASK_BYTES + len(text) + CONTAINER_BYTES * containers + VALUE_BYTES * values
