"""How deep JSON may be nested: who reads it has a stack of its own."""

from typing import Any

DEPTH = 32


def is_deeper(value: Any, depth: int = DEPTH) -> bool:
    """True when lists and objects are nested deeper than that."""
    if not isinstance(value, dict | list | tuple):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(is_deeper(each, depth - 1) for each in inner)
