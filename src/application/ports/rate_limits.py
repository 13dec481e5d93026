"""The units that callers have used of their rate limits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta

from domain.rate_limit import RateLimit


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a caller has left."""

    remaining: int
    """Units that the caller may use now."""
    regains_in: timedelta
    """Time until the first of the counted units come back."""


@dataclass(kw_only=True)
class Charge:
    """What one request counts against the limit of its caller."""

    caller: str
    """The name under which the units are counted: `key:` and an id, or `address:` and one."""
    limit: RateLimit
    usage: Usage | None = None
    """What was left when the request was counted or refused; None until then."""


class RateLimitExceeded(Exception):
    """The caller has used up its limit. Nothing was counted."""

    def __init__(self, limit: RateLimit, wait: timedelta) -> None:
        """`wait` is the time until the units that the request needs are there."""
        super().__init__(
            f"The limit of {limit.units:,} requests per {limit.unit_of_time} is reached; a batch "
            f"counts as its tasks. Send the request again in {whole_seconds(wait)} s."
        )
        self.wait = wait


def whole_seconds(time: timedelta) -> int:
    """Return the time in seconds, rounded up."""
    return -(-time // timedelta(seconds=1))


class RateLimits(ABC):
    """Counts over all processes. In any window of a limit, no more than its units are counted.

    A unit comes back when the window has passed, or up to a sixtieth of the window later.
    """

    @abstractmethod
    def count(self, charge: Charge, units: int = 1) -> None:
        """Count the units, which are no more than those of the limit, and set `charge.usage`.

        Raises RateLimitExceeded, which also sets it, and StoreUnavailable.
        """
