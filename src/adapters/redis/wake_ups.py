"""What the Redis adapters need to know of wake-ups; the Celery adapter makes them."""

from dataclasses import dataclass

WAKE_UP_NUMBER = "@TOKEN@"


@dataclass(frozen=True, kw_only=True)
class WakeUp:
    """One message that says that a queue has work."""

    list_key: bytes
    """The list that workers take it from."""
    template: bytes
    """The message, with @TOKEN@ where each copy needs a number of its own."""
    bound: int
    """How many at most wait in the list; taking one task puts the next wake-up."""
