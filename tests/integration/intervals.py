"""Minutes of Redis's clock, and sums of minutes."""

import redis

from adapters.redis.replies import milliseconds
from application.series import Count, Counted, Interval

MINUTE_MS = 60_000


def present_minute(client: redis.Redis) -> int:
    return milliseconds(client.time()) // MINUTE_MS


def an_interval(number: int, letters: int = 200) -> Interval:
    """Return sums of the longest names, with durations of every length."""
    interval = Interval()
    for at in range(number):
        for bucket in range(98):
            queue, kind = f"{at:063}", f"{at:03}".ljust(letters, "ä")
            interval.add(Count(Counted.COMPLETED, queue, kind, bucket, bucket), at + 1)
    return interval
