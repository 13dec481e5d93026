"""The page shows what was measured, and its verdicts can be read from it again."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from benchmarks.findings import Findings, Growth, Spread
from benchmarks.goals import Verdict, verdicts
from benchmarks.page import changed_verdicts, figure, group_section, page, spread

from tests.unit.benchmarks.measuring import (
    START_GOAL,
    SUBMIT_GOAL,
    a_contest,
    a_sample,
    some_findings,
)


def found() -> list[Verdict]:
    return verdicts(some_findings(), [SUBMIT_GOAL, START_GOAL])


def cells(text: str, first: str) -> Sequence[str]:
    """Return the cells of the row that begins with this one."""
    [row] = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return row.strip("| ").split(" | ")


def test_each_goal_is_shown_with_its_figure_and_verdict() -> None:
    text = page(some_findings(), found(), "- 2 CPUs")

    post = ["POST", "at least 2.5 times (stretch 4)", "3.00 (2.00-3.00) times", "reached"]
    start = ["First start", "at most 2 s", "2.50 (2.00-3.50) s", "**not reached**"]
    assert cells(text, "POST") == post
    assert cells(text, "First start") == start
    assert "1 of 2 are reached" in text


def test_only_a_goal_that_is_not_reached_has_a_next_step() -> None:
    text = page(some_findings(), found(), "")

    assert "- start less. For: First start." in text
    assert "think" not in text


def test_a_next_step_for_several_goals_is_named_once() -> None:
    again = replace(START_GOAL, name="Second start")
    missed = [Verdict(goal, Spread([9.0])) for goal in (START_GOAL, again)]

    assert "- start less. For: First start; Second start." in page(some_findings(), missed, "")


def test_the_page_has_the_machine_the_groups_and_what_each_subject_does_not_do() -> None:
    text = page(some_findings(), found(), "- 2 CPUs")

    assert "- 2 CPUs" in text
    assert "How it was started." in text
    assert "- plain: no validation." in text
    assert "ONLY=submit make bench" in text


def test_a_contest_has_a_row_for_each_subject_with_its_cpu() -> None:
    row = cells(group_section("submit", some_findings()), "ours")

    assert row == [
        *("ours", "300 (200-420)", "3.00 (2.00-3.00) times", "0.200", "0.000", "0.125"),
        *("2.00", "2.00"),
    ]


def test_a_contest_without_latencies_has_no_columns_for_them() -> None:
    samples = {name: [a_sample(p50=None)] for name in ("ours", "plain")}
    findings = Findings(contests={"submit": a_contest(rounds=samples)})

    assert "p50" not in group_section("submit", findings)


def test_filters_are_shown_with_their_growth() -> None:
    grown = Growth(name="first page", few=Spread([2.0, 1.0]), many=Spread([3.0, 2.0]))

    row = cells(group_section("filters", Findings(growths=[grown])), "first page")

    assert row == ["first page", "1.50", "2.50", "1.75 (1.50-2.00) times"]


def test_a_group_that_was_left_out_has_no_section() -> None:
    assert group_section("worker", some_findings()) == ""


def test_a_page_with_the_same_verdicts_differs_in_none() -> None:
    written = page(some_findings(), found(), "")

    assert changed_verdicts(written, found()) == []


def test_each_verdict_that_differs_from_an_earlier_page_is_named() -> None:
    written = page(some_findings(), found(), "")
    now = [Verdict(SUBMIT_GOAL, Spread([1.0])), Verdict(START_GOAL, Spread([1.0]))]

    assert changed_verdicts(written, now) == [
        "POST: was reached, is not reached (1.00 times)",
        "First start: was not reached, is reached (1.00 s)",
    ]


def test_a_reached_stretch_is_the_same_verdict() -> None:
    written = page(some_findings(), [Verdict(SUBMIT_GOAL, Spread([5.0]))], "")

    assert "reached, and the stretch" in written
    assert changed_verdicts(written, found()) == []


def test_a_goal_without_an_earlier_verdict_differs_from_nothing() -> None:
    assert changed_verdicts("", found()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(12_345.6, "12,346"), (99.96, "100.0"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123")],
)
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_single_figure_has_no_spread() -> None:
    assert spread(Spread([2.0])) == "2.00"
