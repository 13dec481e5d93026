"""Types of task whose payloads have every kind of list and map."""

from typing import Any


def collect(
    numbers: list[int] | None = None,
    rows: list[dict[str, int]] | None = None,
    either: list[int | bool | dict[str, int]] | None = None,
    unique: set[int] | None = None,
    by_name: dict[str, list[int]] | None = None,
    anything: Any = None,
) -> int:
    """Count the elements."""
    return sum(map(len, filter(None, (numbers, rows, either, unique, by_name, anything))))


def take_all(**numbers: int) -> int:
    """Count the members of the payload."""
    return len(numbers)
