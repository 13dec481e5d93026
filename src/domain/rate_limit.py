"""The number of requests that one caller may send in a span of time."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

WINDOWS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
FORM = rf"[1-9][0-9]{{0,8}}/({'|'.join(WINDOWS)})"
RULE = (
    f"Must be a number from 1 to 999999999, a slash, and one of {', '.join(WINDOWS)}, such as "
    "600/minute."
)


class InvalidRateLimit(ValueError):
    """A text is no rate limit."""

    def __init__(self) -> None:
        super().__init__(RULE)


@dataclass(frozen=True)
class RateLimit:
    """A caller may use so many units in any window of time. A request is one unit or more."""

    units: int
    unit_of_time: str
    """One of WINDOWS."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit that a text such as 600/minute names. Raises InvalidRateLimit."""
        if not re.fullmatch(FORM, text):
            raise InvalidRateLimit
        units, _, unit_of_time = text.partition("/")
        return cls(int(units), unit_of_time)

    def __str__(self) -> str:
        return f"{self.units}/{self.unit_of_time}"

    @property
    def window(self) -> timedelta:
        return WINDOWS[self.unit_of_time]
