"""The retry policy: whether and when a failed run is followed by another attempt."""

from dataclasses import dataclass
from datetime import timedelta

from domain.errors import InvalidTaskSpec

ATTEMPTS = range(1, 101)
DELAY_SECONDS = (0, 86_400)
FACTOR = (1, 10)
JITTER = (0, 1)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter, so that tasks that failed together are not retried
    together.

    Raises InvalidTaskSpec when a member is outside its range.
    """

    max_attempts: int = 1
    """Number of failed runs after which the task fails."""
    initial_delay: float = 1
    """Seconds between the first failure and the next attempt."""
    factor: float = 2
    """Ratio of each delay to the one before."""
    max_delay: float = 300
    """Upper limit on a delay in seconds, before jitter."""
    jitter: float = 0.1
    """Largest share, 0 to 1, by which a delay is lengthened or shortened."""

    def __post_init__(self) -> None:
        if self.max_attempts not in ATTEMPTS:
            message = f"Must be 1 to {ATTEMPTS[-1]}, not {self.max_attempts}."
            raise InvalidTaskSpec([("retry/max_attempts", message)])
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                message = f"Must be {low} to {high}, not {getattr(self, name)}."
                raise InvalidTaskSpec([(f"retry/{name}", message)])

    def delay(self, failures: int, roll: float) -> timedelta | None:
        """Return the delay after this many failures; None to give up.

        `roll` is a random number, 0 to 1.
        """
        if failures >= self.max_attempts:
            return None
        backoff = min(self.initial_delay * self.factor ** (failures - 1), self.max_delay)
        return timedelta(seconds=backoff * (1 + self.jitter * (2 * roll - 1)))


LIMITS = {
    "initial_delay": DELAY_SECONDS,
    "factor": FACTOR,
    "max_delay": DELAY_SECONDS,
    "jitter": JITTER,
}
NO_RETRY = RetryPolicy()
