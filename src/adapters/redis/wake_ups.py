"""Facts about wake-ups that the Redis adapters need; the Celery adapter builds them."""

from dataclasses import dataclass

WAKE_UP_NUMBER = "@NUMBER@"


@dataclass(frozen=True, kw_only=True)
class WakeUp:
    """A message by which a worker learns that a queue has work."""

    list_key: bytes
    """The list from which workers take it."""
    template: bytes
    """The message, with WAKE_UP_NUMBER in place of a number that each copy has of its own."""
    bound: int
    """Maximum number in the list. Each claim puts the next wake-up."""
