"""Count in each minute what happens to tasks: by status, and by queue and type."""

from collections.abc import Mapping

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.interval_codec import encode_count
from application.series import Count, Counted, count_of
from domain.status import Status
from domain.task import Task

SUBMITTED = "SUBMITTED"
COUNTED_STATUSES = {Status.COMPLETED, Status.FAILED}
"""Statuses that are counted for each minute, besides submissions."""
COUNTED_SECONDS = 7_200
UNSUMMED_SECONDS = 8 * 86_400
"""Maintenance sums up the counters of a minute when it is over. While it is away, they are kept for
this time, so that the totals lose nothing. Each is for a change of a task, which takes more memory.
"""
MAX_COUNTERS = 1_250
"""Counters of one minute: each is for a queue, a type and two buckets of durations."""


def count_new_tasks(effects: Effects, kinds: Mapping[tuple[str, str], int]) -> None:
    """Count submissions. `kinds` has the number of tasks by queue and type."""
    if not kinds:
        return
    _count_status(effects, SUBMITTED, sum(kinds.values()))
    for (queue, kind), number in kinds.items():
        _count(effects, Count(Counted.SUBMITTED, queue, kind), number)


def count_change(effects: Effects, before: Task | None, after: Task | None) -> None:
    if before is None:
        _count_status(effects, SUBMITTED)
    elif after and after.status is not before.status and after.status in COUNTED_STATUSES:
        _count_status(effects, after.status)
    if count := count_of(before, after):
        _count(effects, count)


def _count_status(effects: Effects, name: str, number: int = 1) -> None:
    effects.count_in_minute(
        keys.MINUTE_PREFIX, name, number, seconds=COUNTED_SECONDS, limit=len(Status)
    )


def _count(effects: Effects, count: Count, number: int = 1) -> None:
    effects.count_in_minute(
        keys.COUNTERS_PREFIX,
        encode_count(count),
        number,
        seconds=UNSUMMED_SECONDS,
        limit=MAX_COUNTERS,
    )
