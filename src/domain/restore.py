"""Restore stored values without validation, so that stricter rules never make them unreadable."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def restore(cls: type[T], members: Mapping[str, Any]) -> T:
    """Return an instance of a frozen dataclass, without validation. Use it for stored state only.

    A missing member has its default. A member whose default a factory makes must be present.
    """
    instance = object.__new__(cls)
    vars(instance).update(members)
    return instance
