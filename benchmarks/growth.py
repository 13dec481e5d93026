"""Measure whether a page takes longer with more tasks stored."""

from collections.abc import Sequence
from itertools import repeat

from benchmarks.connections import any_connections
from benchmarks.load import ClosedLoop, get
from benchmarks.plan import Plan
from benchmarks.progress import say
from benchmarks.rows import Growth
from benchmarks.subjects import Pair, Subject

PAGE_SIZE = 10
WARM_UP_SECONDS = 1.0


def page_growth(few: Pair, many: Pair, plan: Plan) -> list[Growth]:
    """Return the p50 in ms with few and with many tasks, measured in turns; one row per service."""
    subjects = [*few, *many]
    for subject in subjects:
        page_p50(subject, WARM_UP_SECONDS)
    rounds = [page_round(subjects, plan, number) for number in range(1, plan.rounds + 1)]
    our_few, plain_few, our_many, plain_many = zip(*rounds, strict=True)
    return [Growth("ours", our_few, our_many), Growth("plain", plain_few, plain_many)]


def page_round(subjects: Sequence[Subject], plan: Plan, number: int) -> list[float]:
    figures = [page_p50(subject, plan.seconds) for subject in subjects]
    shown = ", ".join(f"{figure:.2f}" for figure in figures)
    say(
        f"  page p50, round {number} of {plan.rounds}: {shown} ms (ours, plain; with few, then "
        "many tasks)"
    )
    return figures


def page_p50(subject: Subject, seconds: float) -> float:
    """Return the p50 in ms of the page in the middle of the list, over one connection."""
    page = len(subject.task_ids) // PAGE_SIZE // 2
    subject.store.wait_for_quiet()
    requests = repeat(get(f"/tasks?page={page}&page_size={PAGE_SIZE}"))
    with any_connections(subject.address, 1) as connections:
        return ClosedLoop(connections, requests).run(seconds=seconds).percentile(50)
