"""Values that were made and checked earlier."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def restore(cls: type[T], members: Mapping[str, Any]) -> T:
    """An instance of a frozen dataclass as it was once made, without a check by the rules of today.

    What is not among the members has its default, which is an attribute of the class; a default that a factory makes
    must be given.
    """
    instance = object.__new__(cls)
    vars(instance).update(members)
    return instance
