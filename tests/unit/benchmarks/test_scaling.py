"""The page of scaling has measured parts between markers, and an arithmetic that follows them."""

import pytest
from benchmarks.findings import Sample
from benchmarks.scaling.command import COSTS, PARTS
from benchmarks.scaling.machines import arithmetic
from benchmarks.scaling.sections import NoMarkers, marked, with_section

PAGE = f"# Scaling\n\nWords.\n\n{marked('events', 'old')}\n\nMore.\n\n{marked('clients', 'old')}\n"


def test_only_the_text_between_the_markers_of_a_part_is_replaced() -> None:
    written = with_section(PAGE, "events", r"| new \1 |")

    assert written == PAGE.replace(marked("events", "old"), marked("events", r"| new \1 |"))
    assert marked("clients", "old") in written


def test_writing_the_same_part_twice_changes_nothing_more() -> None:
    once = with_section(PAGE, "clients", "new\n")

    assert once.count("new") == 1
    assert "<!-- measured: clients -->\n\nnew\n\n<!-- end of clients -->" in once
    assert with_section(once, "clients", "new") == once


@pytest.mark.parametrize("page", ["# Scaling", PAGE + marked("events", "again")])
def test_a_page_without_one_pair_of_markers_is_refused(page: str) -> None:
    with pytest.raises(NoMarkers, match="markers of 'events'"):
        with_section(page, "events", "new")


def a_cost(server: float, redis: float) -> Sample:
    return Sample(rate=1.0, user=server / 2, system=server / 2, redis=redis)


def test_more_machines_do_more_until_redis_is_the_limit() -> None:
    # a task costs 1 ms of API and worker and 0.1 ms of Redis: one Redis carries 10,000 a second
    costs = {"POST": a_cost(0.5, 0.05), "GET": a_cost(0.2, 0.01), "run": a_cost(0.3, 0.04)}

    rows = [
        line.strip("| ").split(" | ")
        for line in arithmetic(costs, cores=2).splitlines()
        if line.startswith(("| 1 |", "| 10 |", "| 100 |"))
    ]

    assert rows == [
        ["1", "2,000", "10,000", "2,000, by the machines", "8", "1 ms"],
        ["10", "20,000", "10,000", "10,000, by Redis", "80", "8 ms"],
        ["100", "200,000", "10,000", "10,000, by Redis", "800", "80 ms"],
    ]


def test_the_parts_that_the_arithmetic_needs_are_measured() -> None:
    assert {"clients", "children"} <= PARTS.keys()
    assert {"POST", "GET", "run"} == COSTS
