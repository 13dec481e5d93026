"""Totals have at most 200 names, and those of a name never fall."""

from collections import Counter

import pytest

from application.series import OTHERS, Count, Counted, Interval
from application.task_totals import IDLE_MINUTES, MAX_NAMES, OTHER_NAME, TaskTotals, shown_names

DAY = IDLE_MINUTES


def submitted(**numbers: int) -> Interval:
    interval = Interval()
    for queue, number in numbers.items():
        interval.add(Count(Counted.SUBMITTED, queue, "sleep"), number)
    return interval


def numbers(totals: TaskTotals) -> dict[str, int]:
    return {name: total.of[Counted.SUBMITTED] for name, total in totals.queues.items()}


@pytest.fixture
def full() -> TaskTotals:
    """Totals of as many queues as have a name, each with one task of minute 0."""
    totals = TaskTotals()
    totals.add(submitted(**{f"q{number}": 1 for number in range(MAX_NAMES)}), 0)
    return totals


def test_sums_of_minutes_are_added() -> None:
    totals = TaskTotals()
    totals.add(submitted(a=1, b=2), 1)
    totals.add(submitted(b=3), 2)

    assert numbers(totals) == {"a": 1, "b": 5}
    assert totals.types["sleep"].of == Counter({Counted.SUBMITTED: 6})


def test_a_new_name_without_a_place_counts_among_the_others(full: TaskTotals) -> None:
    full.add(submitted(q0=1, new=5, newer=6), 1)

    assert len(full.queues) == MAX_NAMES + 1
    assert numbers(full)["q0"] == 2
    assert numbers(full)[OTHERS] == 11


def test_of_several_new_names_the_busiest_gets_the_last_place() -> None:
    totals = TaskTotals()
    totals.add(submitted(**{f"q{number}": 1 for number in range(MAX_NAMES - 1)}), 0)
    totals.add(submitted(a=1, z=9), 1)

    assert numbers(totals)["z"] == 9
    assert numbers(totals)[OTHERS] == 1


def test_a_name_that_was_idle_for_a_day_gives_its_place_to_a_new_one(full: TaskTotals) -> None:
    full.add(submitted(**{f"q{number}": 1 for number in range(1, MAX_NAMES)}), DAY - 1)
    full.add(submitted(early=1), DAY - 1)
    assert "early" not in full.queues

    full.add(submitted(late=3), DAY)

    assert "q0" not in full.queues
    assert numbers(full)["late"] == 3
    assert len(full.queues) == MAX_NAMES + 1


def test_a_name_that_is_active_in_the_minute_keeps_its_place(full: TaskTotals) -> None:
    everyone = {f"q{number}": 1 for number in range(MAX_NAMES)}
    full.add(submitted(new=100, **everyone), 2 * DAY)

    assert numbers(full)["q0"] == 2
    assert numbers(full)[OTHERS] == 100


def test_a_queue_that_is_named_other_is_one_of_the_others() -> None:
    totals = TaskTotals()
    totals.add(submitted(**{OTHER_NAME: 2}), 1)
    totals.show(submitted(**{OTHER_NAME: 1}))

    assert numbers(totals) == {OTHERS: 3}


def test_a_backlog_without_a_count_needs_no_place() -> None:
    interval = submitted(a=1)
    interval.sample({"idle": 7})
    totals = TaskTotals()
    totals.add(interval, 1)

    assert numbers(totals) == {"a": 1}


def test_a_minute_that_is_not_over_shows_new_names_only_where_all_have_a_place() -> None:
    totals = TaskTotals()
    totals.add(submitted(**{f"q{number}": 1 for number in range(MAX_NAMES - 1)}), 0)
    totals.show(submitted(q0=1, a=1))
    assert numbers(totals)["a"] == 1
    assert numbers(totals)["q0"] == 2

    totals = TaskTotals()
    totals.add(submitted(**{f"q{number}": 1 for number in range(MAX_NAMES - 1)}), 0)
    totals.show(submitted(q0=1, a=1, b=1))
    assert not {"a", "b", OTHERS} & totals.queues.keys()
    assert numbers(totals)["q0"] == 2


def test_shown_names_are_those_with_totals_first() -> None:
    totals = TaskTotals()
    totals.add(submitted(z=1), 1)
    names = {f"q{number:03}" for number in range(300)} | {"z", OTHER_NAME}

    shown = shown_names(names, totals.queues)

    assert len(shown) == MAX_NAMES
    assert {"z", "q000"} < shown
    assert OTHER_NAME not in shown
