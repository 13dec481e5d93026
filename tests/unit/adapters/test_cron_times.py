"""The times of cron expressions, above all where clocks change.

The tables follow what Debian's cron documents: expressions whose minute or hour begins with a star
follow the wall clock; the others make up what the clock skips, and run once when it repeats.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters.system.cron_times import WORDS, SystemCronTimes

CRON_TIMES = SystemCronTimes()
NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"


def following(cron: str, zone: str, begin: str, number: int, *, fold: int = 0) -> list[str]:
    """Return the local times after a local time, with their offsets from UTC."""
    time = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo(zone), fold=fold)
    found = []
    for _ in range(number):
        after = CRON_TIMES.after(cron, zone, time)
        assert after is not None
        assert after > time
        assert after.tzinfo is UTC
        time = after
        found.append(time.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z"))
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "begin", "expected"),
    [
        # An hour is skipped: on 8 March at 2:00 it is 3:00 in New York, on 29 March in Berlin.
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00", ["08 03:00 -0400", "09 02:30 -0400"]),
        ("0,30 2 * * *", NEW_YORK, "2026-03-07T12:00", ["08 03:00 -0400", "09 02:00 -0400"]),
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["29 03:00 +0200", "30 02:30 +0200"]),
        ("0 3 * * *", NEW_YORK, "2026-03-07T12:00", ["08 03:00 -0400", "09 03:00 -0400"]),
        ("*/30 2 * * *", NEW_YORK, "2026-03-08T00:00", ["09 02:00 -0400", "09 02:30 -0400"]),
        ("0 * * * *", NEW_YORK, "2026-03-08T00:30",
         ["08 01:00 -0500", "08 03:00 -0400", "08 04:00 -0400"]),
        ("@hourly", NEW_YORK, "2026-03-08T00:30", ["08 01:00 -0500", "08 03:00 -0400"]),
        # An hour is repeated: on 1 November at 2:00 it is 1:00 again, on 25 October in Berlin.
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00", ["01 01:30 -0400", "02 01:30 -0500"]),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["25 02:30 +0200", "26 02:30 +0100"]),
        ("*/30 1 * * *", NEW_YORK, "2026-11-01T00:30",
         ["01 01:00 -0400", "01 01:30 -0400", "01 01:00 -0500", "01 01:30 -0500",
          "02 01:00 -0500"]),
        ("0 * * * *", NEW_YORK, "2026-11-01T00:30",
         ["01 01:00 -0400", "01 01:00 -0500", "01 02:00 -0500"]),
        # Half an hour, and the other half of the year: 5 April back, 4 October forward.
        ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00", ["05 01:45 +1100", "06 01:45 +1030"]),
        ("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", ["04 02:30 +1100", "05 02:15 +1100"]),
        ("*/15 * * * *", LORD_HOWE, "2026-04-05T01:20",
         ["05 01:30 +1100", "05 01:45 +1100", "05 01:30 +1030", "05 01:45 +1030",
          "05 02:00 +1030"]),
        ("*/15 * * * *", LORD_HOWE, "2026-10-04T01:40",
         ["04 01:45 +1030", "04 02:30 +1100", "04 02:45 +1100"]),
        ("0 * * * *", LORD_HOWE, "2026-04-05T00:30", ["05 01:00 +1100", "05 02:00 +1030"]),
        ("*/20 5 * * *", LORD_HOWE, "2026-04-05T00:30", ["05 05:00 +1030", "05 05:20 +1030"]),
        ("*/20 5 * * *", LORD_HOWE, "2026-10-04T00:30", ["04 05:00 +1100", "04 05:20 +1100"]),
        # Zones that changed their rules: Mexico City gave up summer time in 2022, Moscow moved to
        # another offset in 2014, and Samoa left out 30 December 2011.
        ("0 9 1 7 *", "America/Mexico_City", "2022-01-01T00:00",
         ["01 09:00 -0500", "01 09:00 -0600"]),
        ("*/30 1 * * *", "Europe/Moscow", "2014-10-25T23:00",
         ["26 01:00 +0400", "26 01:30 +0400", "26 01:00 +0300", "26 01:30 +0300"]),
        ("30 1 * * *", "Europe/Moscow", "2014-10-25T23:00", ["26 01:30 +0400", "27 01:30 +0300"]),
        ("0 9 * * *", "Pacific/Apia", "2011-12-28T12:00",
         ["29 09:00 -1000", "31 00:00 +1400", "31 09:00 +1400"]),
        # What has nothing to do with clocks.
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", ["29 00:00 +0000", "29 00:00 +0000"]),
        ("0 12 * * MON#1", "UTC", "2026-01-01T00:00", ["05 12:00 +0000", "02 12:00 +0000"]),
        ("0 0 LW * *", "UTC", "2026-01-01T00:00", ["30 00:00 +0000", "27 00:00 +0000"]),
        ("0 0 13 * FRI", "UTC", "2026-02-01T00:00", ["06 00:00 +0000", "13 00:00 +0000"]),
    ],
)  # fmt: skip
def test_a_schedule_has_these_times(cron: str, zone: str, begin: str, expected: list[str]) -> None:
    assert following(cron, zone, begin, len(expected)) == expected


def test_no_time_comes_again_for_who_asks_within_the_repeated_hour() -> None:
    assert following("30 1 * * *", NEW_YORK, "2026-11-01T01:10", 1, fold=1) == ["02 01:30 -0500"]
    assert following("30 1 * * *", NEW_YORK, "2026-11-01T01:30", 1, fold=0) == ["02 01:30 -0500"]


def test_the_time_itself_does_not_follow_it() -> None:
    assert following("30 2 * * *", "UTC", "2026-01-01T02:30", 1) == ["02 02:30 +0000"]
    before = datetime(2026, 1, 1, 2, 29, 59, 999_000, tzinfo=UTC)
    assert CRON_TIMES.after("30 2 * * *", "UTC", before) == datetime(2026, 1, 1, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["* * * * *", "30 2 * * 1-5", "0 0 29 2 *", *WORDS, "@HOURLY"])
def test_an_expression_is_valid(cron: str) -> None:
    assert CRON_TIMES.problem(cron) is None
    assert CRON_TIMES.after(cron, "UTC", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("*/15 * * * * *", "five fields"),
        ("@reboot", "five fields"),
        ("60 * * * *", "Bad minute"),
        ("* 24 * * *", "Bad hour"),
        ("* * 0 * *", "Bad day-of-month"),
        ("* * * 13 *", "Bad month"),
        ("* * * * 8", "Bad day-of-week"),
        ("*/0 * * * *", "Bad minute"),
        ("5-1 * * * *", "Bad minute"),
        ("1,, * * * *", "Bad minute"),
        ("\u00b2 * * * *", "Bad minute"),
        ("* * * * \u00b2L", "Bad day-of-week"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 * 2 MON#5", "No day of 8 years"),
        ("* * */20 * 1L", "No day of 8 years"),
        ("1," * 100 + "1 * * * *", "five fields"),
    ],
)
def test_an_expression_that_is_not_valid_is_explained(cron: str, told: str) -> None:
    assert told in (CRON_TIMES.problem(cron) or "")


def test_a_stored_expression_that_is_not_valid_any_more_is_an_error() -> None:
    with pytest.raises(ValueError, match="is no cron expression"):
        CRON_TIMES.after("60 * * * *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="no time zone"):
        CRON_TIMES.after("* * * * *", "Nowhere/City", datetime(2026, 1, 1, tzinfo=UTC))
    assert CRON_TIMES.after("0 0 * 2 MON#5", "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_a_zone_is_known(name: str) -> None:
    assert CRON_TIMES.knows(name)


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "/etc/localtime", "utc\n"])
def test_a_zone_is_not_known(name: str) -> None:
    assert not CRON_TIMES.knows(name)
