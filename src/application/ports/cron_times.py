"""The times of cron expressions."""

from abc import ABC, abstractmethod
from datetime import datetime


class CronTimes(ABC):
    @abstractmethod
    def problem(self, cron: str) -> str | None:
        """Return what is wrong with an expression, as a sentence; None for a valid one.

        Valid are five fields by the rules of Debian's cron, and the words @hourly, @daily,
        @midnight, @weekly, @monthly, @yearly and @annually.
        """

    @abstractmethod
    def knows(self, timezone: str) -> bool:
        """Return whether the text is the name of a time zone in the IANA database."""

    @abstractmethod
    def after(self, cron: str, timezone: str, time: datetime) -> datetime | None:
        """Return the first time of the expression in the zone that is later than `time`, in UTC.

        None when none follows within eight years. An expression whose minute or hour begins with a
        star follows the wall clock: what the clock skips is left out, and what it repeats comes
        twice. Of the others, a time that the clock skips comes at the end of the gap, and one that
        it repeats comes once, the first time.

        Raises ValueError for an expression or a zone that is not valid.
        """
