"""The times of cron expressions, by cronsim and the IANA database.

Two traps of cronsim are avoided here. Asked from within the hour that the clock repeats, it may
return a time before that one. And where an hour is searched across a change of less than an hour,
as on Lord Howe Island, it goes on in steps of an hour from the wrong minute, and leaves times out.
"""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from application.ports.cron_times import CronTimes
from domain.schedule_spec import CRON_LENGTH

WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = 5
YEARS = 8
"""The longest time between two 29ths of February."""
SECOND = timedelta(seconds=1)
STEP = timedelta(days=7)
"""Two changes of an offset are further apart than this."""
SHAPE = (
    "Must have five fields (minute, hour, day of month, month, day of week), such as 30 2 * * 1-5, "
    f"or be one of {', '.join(WORDS)}."
)
ZONES_REMEMBERED = 256


class SystemCronTimes(CronTimes):
    def problem(self, cron: str) -> str | None:
        text = WORDS.get(cron.lower(), cron)
        if len(cron) not in CRON_LENGTH or len(text.split()) != FIELDS:
            return SHAPE
        now = datetime(2024, 1, 1)  # noqa: DTZ001 - any day serves to read an expression
        try:
            simulation = CronSim(text, now)
        except CronSimError as error:
            return f"{error}. {SHAPE}"
        except (ValueError, AssertionError, TypeError):
            return SHAPE
        if not _has_day(simulation, now.date()):
            return f"No day of {YEARS} years matches it."
        return None

    def knows(self, timezone: str) -> bool:
        return timezone in _names()

    def after(self, cron: str, timezone: str, time: datetime) -> datetime | None:
        fields = WORDS.get(cron.lower(), cron)
        zone = _zone(timezone)
        local = time.astimezone(zone)
        try:
            if not _has_day(CronSim(fields, local.replace(tzinfo=None)), local.date()):
                return None
            minute, hour, *_ = fields.split()
            if minute.startswith("*") or hour.startswith("*"):
                return _by_wall_clock(fields, zone, time.astimezone(UTC))
            return _at_given_times(fields, local)
        except CronSimError as error:
            raise ValueError(f"{cron!r} is no cron expression: {error}") from error


def _at_given_times(fields: str, local: datetime) -> datetime | None:
    """Return the next time of an expression that names its minutes and hours."""
    for time in CronSim(fields, local):
        if time.astimezone(UTC) > local.astimezone(UTC):
            return time.astimezone(UTC)
    return None


def _by_wall_clock(fields: str, zone: tzinfo, time: datetime) -> datetime | None:
    """Return the next time at which a clock on the wall matches.

    cronsim gets an offset from UTC instead of the zone. It is right until the next change.
    """
    offset = _offset(zone, time)
    while True:
        found = next(CronSim(fields, time.astimezone(timezone(offset))), None)
        if found is None:
            return None
        change = _first_change(zone, time + SECOND, found.astimezone(UTC), offset)
        if change is None:
            return found.astimezone(UTC)
        time, offset = change - SECOND, _offset(zone, change)


def _first_change(
    zone: tzinfo, begin: datetime, end: datetime, offset: timedelta
) -> datetime | None:
    """Return the first second from `begin` to `end` with another offset; None without one."""
    same = begin - SECOND
    while same < end:
        other = min(same + STEP, end)
        if _offset(zone, other) != offset:
            while other - same > SECOND:
                middle = same + (other - same) // 2
                middle = middle.replace(microsecond=0) if middle - same > SECOND else same + SECOND
                same, other = (middle, other) if _offset(zone, middle) == offset else (same, middle)
            return other
        same = other
    return None


def _offset(zone: tzinfo, time: datetime) -> timedelta:
    return time.astimezone(zone).utcoffset() or timedelta(0)


@lru_cache(ZONES_REMEMBERED)
def _zone(name: str) -> ZoneInfo:
    if name not in _names():
        raise ValueError(f"there is no time zone {name!r}")
    return ZoneInfo(name)


@lru_cache(1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def _has_day(simulation: CronSim, begin: date) -> bool:
    """Return whether a day of the next eight years matches. cronsim itself looks at 50 years."""
    days = (begin + timedelta(days=number) for number in range(YEARS * 366))
    return any(day.month in simulation.months and simulation.match_day(day) for day in days)
