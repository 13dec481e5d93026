"""Statistics of minutes and hours."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta

from application.series import Interval
from application.task_totals import TaskTotals

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MAX_MINUTES = 120
MAX_HOURS = 14 * 24


class Series(ABC):
    """The repository counts each change in the same step that stores it (`count_of`).

    Every method raises StoreUnavailable.
    """

    @abstractmethod
    def sum_up(self) -> bool:
        """Sum up the first minute that is over and not summed up, and the hours that are complete.

        The sums of the minute that has just ended have a sample of the backlog of each queue.
        Minutes more than ten minutes ago count in `totals` alone. Returns whether more minutes are
        to be summed up.
        """

    @abstractmethod
    def totals(self) -> TaskTotals:
        """Return the sums since the service was first started.

        They have what was counted up to now. What has neither been summed up nor read for more
        than ten minutes follows in steps, one with each call. After eight days it is lost.
        """

    @abstractmethod
    def latest(self, step: timedelta, number: int) -> Iterator[tuple[datetime, Interval]]:
        """Yield the last `number` minutes (MAX_MINUTES at most) or hours (MAX_HOURS), oldest
        first, each with its beginning. The present one comes last.
        """
