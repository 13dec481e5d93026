"""Findings for the tests of the benchmarks."""

from collections.abc import Sequence

from benchmarks.findings import Contest, Findings, Sample
from benchmarks.goals import Goal, quantity, rate

PAIRS = ((300.0, 100.0), (200.0, 100.0), (420.0, 140.0))


def a_sample(rate: float = 100.0, *, server: float = 0.5, p50: float | None = 2.0) -> Sample:
    return Sample(rate=rate, user=server, system=0.0, redis=0.125, p50=p50, p99=p50)


def a_contest(pairs: Sequence[tuple[float, float]] = PAIRS, **members: object) -> Contest:
    """Return a contest of "ours" and "plain" with these rates in each round."""
    ours = [a_sample(one, server=0.2) for one, _ in pairs]
    plain = [a_sample(other, server=0.8) for _, other in pairs]
    return Contest(
        **{
            "title": "Submit tasks",
            "operation": "task",
            "base": "plain",
            "rounds": {"ours": ours, "plain": plain},
            "notes": {"plain": "no validation"},
            **members,
        }
    )


def some_findings() -> Findings:
    findings = Findings(contests={"submit": a_contest()}, remarks={"start": "How it was started."})
    findings.add_quantity("first start", "first start after installation", "s", 2.5, 3.5, 2.0)
    return findings


SUBMIT_GOAL = Goal(
    name="POST", figure=rate("submit"), target=2.5, stretch=4, unit=" times", next_step="think"
)
START_GOAL = Goal(
    name="First start",
    figure=quantity("first start"),
    target=2,
    at_most=True,
    unit=" s",
    next_step="start less",
)
