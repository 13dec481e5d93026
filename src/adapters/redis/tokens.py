"""What the Redis adapters need to know of tokens; the Celery adapter makes them."""

from dataclasses import dataclass

TOKEN_NUMBER = "@TOKEN@"  # noqa: S105 - a placeholder, not a secret


@dataclass(frozen=True, kw_only=True)
class Token:
    """One message that says that a queue has work."""

    list_key: bytes
    """The list that workers take it from."""
    template: bytes
    """The message, with @TOKEN@ where each copy needs a number of its own."""
    bound: int
    """How many at most wait in the list; taking one task puts the next token."""
