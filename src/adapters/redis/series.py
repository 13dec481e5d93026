"""Statistics of minutes and hours, and the totals of all.

save.lua counts in a hash for each minute. Maintenance sums up each hash in one short text, and
those of an hour in another. A text has at most MAX_TEXT_BYTES, so all of them take 3 MB at most;
the hashes, which are there for about a minute, take 1 MB at most. In the same step it adds each
hash to the totals.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.exchange import packed
from adapters.redis.interval_codec import decode_count, decode_interval, encode_interval
from adapters.redis.lanes import queue_of
from adapters.redis.replies import count_or_zero, milliseconds, sorted_texts
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import instant
from adapters.redis.totals import LATE_MINUTES, RedisTotals, StoredTotals
from application.ports.series import HOUR, MAX_HOURS, Series
from application.series import Interval
from application.skipped_items import SkippedItems
from application.task_totals import TaskTotals

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MINUTES_PER_HOUR = 60
MINUTE_TEXT_MS = 3 * HOUR_MS + LATE_MINUTES * MINUTE_MS
"""Longer than the two hours that are shown: an hour is summed up from the texts of its minutes."""
HOUR_TEXT_MS = (MAX_HOURS + 1) * HOUR_MS
LATE_HOURS = 2


class RedisSeries(Series):
    """Damaged data counts as 0, and is logged once."""

    def __init__(
        self, store: RedisStore, let_others_run: Callable[[], None] = lambda: None
    ) -> None:
        """`let_others_run` is called between sums, for a process that serves other requests."""
        self._store = store
        self._let_others_run = let_others_run
        self._save = SaveScript(store)
        self._totals = RedisTotals(store, let_others_run)
        self._skipped_items = SkippedItems()

    def sum_up(self) -> bool:
        stored = self._totals.read()
        minutes = range(stored.first, min(stored.present, stored.first + len(stored.minutes)))
        if minutes or stored.is_ahead:
            self._sum_minutes(stored, minutes)
        is_complete = minutes.stop == stored.present
        if is_complete:
            self._sum_hours(stored.present)
        return not is_complete

    def totals(self) -> TaskTotals:
        stored = self._totals.read()
        if stored.version is None or stored.present - stored.first > LATE_MINUTES:
            self.sum_up()  # maintenance is late, and what was shown once must not be lost
            stored = self._totals.read()
        for counters, text in stored.minutes:
            stored.totals.show(self._interval(counters, text))
        return stored.totals

    def latest(self, step: timedelta, number: int) -> Iterator[tuple[datetime, Interval]]:
        minute = self._now_ms() // MINUTE_MS
        if step == HOUR:
            return self._latest_hours(minute, number)
        return self._minutes(range(minute - number + 1, minute + 1), minute)

    def _latest_hours(self, minute: int, number: int) -> Iterator[tuple[datetime, Interval]]:
        """Yield hours. The present one, and one that is not summed up yet, are made of minutes."""
        present = minute // MINUTES_PER_HOUR
        hours = range(present - number + 1, present)
        texts = self._replies([packed("GET", keys.hour_series(each)) for each in hours])
        for hour, text in zip(hours, texts, strict=True):
            is_unsummed = text is None and hour == present - 1
            yield (
                instant(hour * HOUR_MS),
                self._sum_of_minutes(hour, minute) if is_unsummed else self._decoded(text),
            )
        yield instant(present * HOUR_MS), self._sum_of_minutes(present, minute)

    def _sum_of_minutes(self, hour: int, present: int) -> Interval:
        whole, first = Interval(), hour * MINUTES_PER_HOUR
        for _, interval in self._minutes(range(first, first + MINUTES_PER_HOUR), present):
            whole.follow(interval)
        return whole

    def _minutes(self, minutes: Sequence[int], present: int) -> Iterator[tuple[datetime, Interval]]:
        """Yield the minutes. Those that are not summed up yet are read from their counters."""
        texts = self._replies([packed("GET", keys.minute_series(each)) for each in minutes])
        recent = [
            each
            for each, text in zip(minutes, texts, strict=True)
            if text is None and present - LATE_MINUTES <= each <= present
        ]
        hashes = self._replies([packed("HGETALL", keys.counters(each)) for each in recent])
        counted = dict(zip(recent, hashes, strict=True))
        for minute, text in zip(minutes, texts, strict=True):
            yield (
                instant(minute * MINUTE_MS),
                self._counted(counted[minute]) if minute in counted else self._decoded(text),
            )

    def _sum_minutes(self, stored: StoredTotals, minutes: Sequence[int]) -> None:
        """Sum up minutes in one step, unless another process has been faster."""
        effects = Effects()
        for minute, (counters, text) in zip(minutes, stored.minutes, strict=False):
            interval = self._interval(counters, text)
            stored.totals.add(interval, minute)
            if text is None and minute >= stored.present - LATE_MINUTES:
                if minute == stored.present - 1:
                    interval.sample(self._backlog())
                effects.set_for(
                    keys.minute_series(minute), encode_interval(interval), MINUTE_TEXT_MS
                )
            effects.delete(keys.counters(minute))
        self._totals.save(effects, stored, last=minutes[-1] if minutes else stored.first - 1)
        self._save.run(effects)

    def _interval(self, counters: Any, text: Any) -> Interval:
        """Return the sums of a minute. Another version may have summed it up already."""
        return self._counted(counters) if counters else self._decoded(text)

    def _sum_hours(self, minute: int) -> None:
        present = minute // MINUTES_PER_HOUR
        for hour in range(present - LATE_HOURS, present):
            text, effects = keys.hour_series(hour), Effects()
            if self._replies([packed("EXISTS", text)]) != [0]:
                continue
            effects.require_no_value(text)
            effects.set_for(text, encode_interval(self._sum_of_minutes(hour, minute)), HOUR_TEXT_MS)
            self._save.run(effects)

    def _backlog(self) -> Mapping[str, int]:
        [members] = self._replies([packed("SMEMBERS", keys.WAITING_QUEUES)])
        lanes = [] if isinstance(members, Exception) else sorted_texts(members)
        sizes = self._replies([packed("ZCARD", keys.waiting(lane)) for lane in lanes])
        backlog: Counter[str] = Counter()
        for lane, size in zip(lanes, sizes, strict=True):
            backlog[queue_of(lane)] += count_or_zero(size)
        return backlog

    def _counted(self, reply: Any) -> Interval:
        """Return the sums of the counters of a minute."""
        interval = Interval()
        if isinstance(reply, Exception):
            self._skipped_items.log_once("read_series", "counters", reply)
            return interval
        for name, number in reply.items():
            self._let_others_run()
            try:
                interval.add(decode_count(name), int(number))
            except Exception as error:  # whatever is wrong with it, the others count
                self._skipped_items.log_once("read_series", "counter", error)
        return interval

    def _decoded(self, text: Any) -> Interval:
        if text is None:
            return Interval()
        self._let_others_run()
        try:
            return decode_interval(text)
        except Exception as error:  # whatever is wrong with it, the others count
            self._skipped_items.log_once("read_series", "sums", error)
            return Interval()

    def _replies(self, commands: Sequence[bytes]) -> list[Any]:
        return self._store.pipeline(commands) if commands else []

    def _now_ms(self) -> int:
        [time] = self._replies([packed("TIME")])
        return milliseconds(time)
