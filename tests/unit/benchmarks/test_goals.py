"""A goal is reached by the median of what was measured, and left out if nothing was."""

import pytest
from benchmarks.findings import Findings, Spread
from benchmarks.goals import GOALS, Verdict, verdicts

from tests.unit.benchmarks.measuring import START_GOAL, SUBMIT_GOAL, a_contest, some_findings


def test_a_ratio_is_formed_round_by_round() -> None:
    # the medians are 300 and 100, the ratios 3, 2 and 3
    ratio = a_contest().rate_ratio("ours")

    assert (ratio.low, ratio.median, ratio.high) == (2.0, 3.0, 3.0)


def test_the_cpu_of_a_subject_is_compared_with_that_of_the_base() -> None:
    assert a_contest().cpu_ratio("ours").median == pytest.approx(0.25)


def test_a_ratio_can_refer_to_another_subject_than_the_base() -> None:
    assert a_contest().rate_ratio("plain", "ours").high == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("figures", "reached"), [((2.4, 2.5, 9.0), True), ((2.4, 2.49, 9.0), False)]
)
def test_at_least_is_reached_by_the_median(figures: tuple[float, ...], reached: bool) -> None:
    assert Verdict(SUBMIT_GOAL, Spread(figures)).reached is reached


@pytest.mark.parametrize(("figures", "reached"), [((1.0, 2.0, 9.0), True), ((2.1,), False)])
def test_at_most_is_reached_by_the_median(figures: tuple[float, ...], reached: bool) -> None:
    assert Verdict(START_GOAL, Spread(figures)).reached is reached


def test_the_stretch_is_judged_apart() -> None:
    assert not Verdict(SUBMIT_GOAL, Spread([3.9])).stretch_reached
    assert Verdict(SUBMIT_GOAL, Spread([4.0])).stretch_reached
    assert not Verdict(START_GOAL, Spread([0.1])).stretch_reached


def test_goals_that_were_not_measured_have_no_verdict() -> None:
    only_submit = Findings(contests={"submit": a_contest()})

    found = verdicts(only_submit, [SUBMIT_GOAL, START_GOAL])

    assert [(each.goal.name, each.word) for each in found] == [("POST", "reached")]
    assert verdicts(Findings(), GOALS) == []


def test_every_goal_says_what_comes_next_and_has_a_name_of_its_own() -> None:
    assert all(goal.next_step for goal in GOALS)
    assert len({goal.name for goal in GOALS}) == len(GOALS)


def test_a_goal_is_not_taken_from_another_group() -> None:
    measured = {each.goal.name: each.spread.median for each in verdicts(some_findings())}

    assert measured == {
        "POST /tasks: rate against the plain service": 3.0,
        "POST /tasks: CPU of the server per request against the plain service": 0.25,
        "First start of `make run` after installation to the first response": 2.5,
    }
