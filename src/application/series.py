"""Statistics over time: what is counted, and how durations are summed in bounded space."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import log
from typing import NamedTuple

from domain.status import Status
from domain.task import Task

GROWTH = 1.25
"""Each bucket of a histogram ends at so many times its beginning."""
MAX_BUCKET = 97
"""The last bucket, which begins after 23 days. Bucket 0 is for less than a millisecond."""
OTHERS = ""
"""The name of all queues or types that are not counted each on its own. No queue has it."""


class Counted(StrEnum):
    """The events of tasks that are counted over time."""

    SUBMITTED = "submitted"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETRIED = "retried"
    """A run failed or was lost, and another attempt follows."""


class Count(NamedTuple):
    """One thing to count."""

    what: Counted
    queue: str
    type: str
    wait: int | None = None
    """The bucket of the time from the submission, or the run_at, to the start of the last run."""
    run: int | None = None
    """The bucket of the time from the start of the last run to its end."""


@dataclass
class Counts:
    """Sums of one queue or type, or of all, in a span of time."""

    of: Counter[Counted] = field(default_factory=Counter)
    wait: Counter[int] = field(default_factory=Counter)
    """Number of durations by bucket."""
    run: Counter[int] = field(default_factory=Counter)
    backlog: int | None = None
    """The greatest number of QUEUED tasks that was sampled; None without a sample."""

    def add(self, count: Count, number: int) -> None:
        self.of[count.what] += number
        if count.wait is not None:
            self.wait[count.wait] += number
        if count.run is not None:
            self.run[count.run] += number

    def merge(self, other: "Counts") -> None:
        """Add the sums of another queue or type in the same span."""
        self._merge(other)
        if other.backlog is not None:
            self.backlog = (self.backlog or 0) + other.backlog

    def follow(self, other: "Counts") -> None:
        """Add the sums of the same queue or type in another span."""
        self._merge(other)
        if other.backlog is not None:
            self.backlog = max(self.backlog or 0, other.backlog)

    def _merge(self, other: "Counts") -> None:
        self.of.update(other.of)
        self.wait.update(other.wait)
        self.run.update(other.run)

    @property
    def activity(self) -> int:
        """Return by how much it deserves to be counted on its own."""
        return self.of.total() + (self.backlog or 0)


@dataclass
class Interval:
    """The sums of a minute or an hour."""

    queues: dict[str, Counts] = field(default_factory=dict)
    types: dict[str, Counts] = field(default_factory=dict)

    def add(self, count: Count, number: int) -> None:
        self.queues.setdefault(count.queue, Counts()).add(count, number)
        self.types.setdefault(count.type, Counts()).add(count, number)

    def sample(self, backlog: Mapping[str, int]) -> None:
        """Store the number of QUEUED tasks of each queue; 0 for those that are not named."""
        for name in {*self.queues, *backlog, OTHERS}:
            self.queues.setdefault(name, Counts()).backlog = backlog.get(name, 0)

    def follow(self, other: "Interval") -> None:
        """Add the sums of another span of time."""
        for mine, others in ((self.queues, other.queues), (self.types, other.types)):
            for name, counts in others.items():
                mine.setdefault(name, Counts()).follow(counts)


def count_of(before: Task | None, after: Task | None) -> Count | None:
    """Return what a change of a task counts as; None for nothing."""
    if after is None or (before and before.status is after.status):
        return None
    queue, kind = after.spec.queue, after.spec.type
    if before is None:
        return Count(Counted.SUBMITTED, queue, kind)
    if after.status.is_final:
        return Count(Counted(after.status.lower()), queue, kind, *_durations(before, after))
    if before.status is Status.PROCESSING and after.attempt >= before.attempt:
        return Count(Counted.RETRIED, queue, kind)
    return None


def bucket_of(duration: timedelta) -> int:
    """Return the bucket of a duration."""
    milliseconds = duration / timedelta(milliseconds=1)
    return min(1 + int(log(milliseconds) / log(GROWTH)), MAX_BUCKET) if milliseconds >= 1 else 0


def percentile(histogram: Mapping[int, int], share: int) -> float | None:
    """Return the duration in seconds that `share` percent do not exceed, by the nearest rank.

    It is the geometric middle of a bucket, at most 12 % from the truth between 1 ms and 23 days.
    None without durations.
    """
    rank = -(-sum(histogram.values()) * share // 100)
    for bucket in sorted(histogram):
        rank -= histogram[bucket]
        if rank <= 0:
            return round(_middle(bucket), 4) if bucket else 0.0
    return None


def total_seconds(histogram: Mapping[int, int]) -> float:
    """Return the sum of the durations in seconds, each with the middle of its bucket."""
    return sum(number * _middle(bucket) for bucket, number in histogram.items())


def _middle(bucket: int) -> float:
    """Return the geometric middle of a bucket in seconds; half of its end for bucket 0."""
    return GROWTH ** (bucket - 0.5) / 1000 if bucket else 0.0005


def _durations(run: Task, after: Task) -> tuple[int, int] | tuple[None, None]:
    started: datetime | None = run.started_at if run.status is Status.PROCESSING else None
    if started is None or after.finished_at is None:
        return None, None
    since = max(run.submitted_at, run.spec.run_at or run.submitted_at)
    return bucket_of(started - since), bucket_of(after.finished_at - started)
