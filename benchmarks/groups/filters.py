"""Measure filters and pages with few and with many tasks stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.findings import Findings, Growth, Spread
from benchmarks.plan import Plan
from benchmarks.processes import running_store
from benchmarks.progress import say
from benchmarks.queries import EVERY, PARTS, SINGLE, fill_for_queries, query_p50
from benchmarks.subjects import Subject, running_ours

PART_OF_A_ROUND = 0.2
"""Each query takes this part of the seconds of a round."""


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    with (
        _filled(directory / "few", plan.few) as few,
        _filled(directory / "many", plan.tasks) as many,
    ):
        rounds = [_round(few, many, plan.seconds * PART_OF_A_ROUND) for _ in range(plan.rounds + 1)]
    growths = {
        name: Growth(
            name=name,
            few=Spread([each[name][0] for each in rounds[1:]]),  # the first one warms up
            many=Spread([each[name][1] for each in rounds[1:]]),
        )
        for name in EVERY
    }
    findings.growths += growths.values()
    worst = max((growths[name] for name in SINGLE), key=lambda growth: growth.ratio.median)
    slowest = max((_against_parts(growths, name) for name in PARTS), key=lambda each: each.median)
    add = findings.add_quantity
    add("growth", f"growth of the one that grows most: {worst.name}", "times", *worst.ratio.values)
    add("combined", "slowest combination, against its slower filter", "times", *slowest.values)
    findings.remarks["filters"] = (
        f"Ours alone: p50 of a page of 10 over one connection, in ms, with {plan.few:,} and with "
        f"{plan.tasks:,} tasks stored, in turn. The last three examine tasks, up to 50,000 a call, "
        "and say where to go on. `make scaling` measures a million."
    )


@contextmanager
def _filled(directory: Path, tasks: int) -> Iterator[Subject]:
    with (
        running_store(directory) as store,
        running_ours(store, directory / "ours.log", workers=1) as subject,
    ):
        fill_for_queries(subject, 0, tasks)
        yield subject


def _round(few: Subject, many: Subject, seconds: float) -> dict[str, tuple[float, float]]:
    figures = {
        name: (query_p50(few, name, seconds), query_p50(many, name, seconds)) for name in EVERY
    }
    say(
        "  "
        + ", ".join(f"{name} {one:.2f} {other:.2f} ms" for name, (one, other) in figures.items())
    )
    return figures


def _against_parts(growths: dict[str, Growth], name: str) -> Spread:
    """Return the time of a combination against that of its slower filter, in each round."""
    one, other = (growths[part].many.values for part in PARTS[name])
    times = zip(growths[name].many.values, one, other, strict=True)
    return Spread([both / max(first, second) for both, first, second in times])
