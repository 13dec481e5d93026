"""The cost of more stored tasks: lists with filters, one task, a submit, and memory."""

from functools import partial
from itertools import repeat
from pathlib import Path

from benchmarks.contests import Requests
from benchmarks.findings import Sample
from benchmarks.groups.submit import POST_TASK, is_queued
from benchmarks.page import figure, table
from benchmarks.processes import Store, running_store
from benchmarks.progress import say
from benchmarks.queries import EVERY, fill_for_queries, query_p50
from benchmarks.scaling.calls import get_tasks
from benchmarks.scaling.plan import ScalingPlan
from benchmarks.stored_tasks import submitted
from benchmarks.subjects import Subject, running_ours

POSTS = 500
"""Tasks that are submitted by HTTP at each size."""
SLOW_MICROSECONDS = 100
CONNECTIONS = 8


def measure(directory: Path, plan: ScalingPlan) -> str:
    """Fill one store more and more, and measure at each size."""
    times: dict[str, list[str]] = {name: [] for name in EVERY}
    grown: dict[str, list[float]] = {name: [] for name in EVERY}
    slowest: dict[str, float] = {}
    costs = []
    with (
        running_store(directory) as store,
        running_ours(store, directory / "ours.log", workers=1) as subject,
    ):
        _posts(subject)
        store.empty()
        empty, first = _used(store), 0
        for size in plan.stored:
            fill_for_queries(subject, first, size - POSTS)
            first = size
            posts = _posts(subject)
            used = (_used(store) - empty) / size
            reads = get_tasks(subject, plan.seconds, CONNECTIONS)
            costs.append(_cost(size, used, posts, reads))
            for name in EVERY:
                p50, slowest[name] = _query(store, subject, name, plan.seconds / 2)
                grown[name].append(p50)
                times[name].append(figure(p50))
            say(f"  {size:,} stored, {used:.0f} bytes each")
    heads = (
        *("p50 in ms of a page of 10", *(f"{size:,}" for size in plan.stored)),
        *("last against first", "slowest Redis command at the last, ms"),
    )
    rows = [
        (name, *times[name], f"{figure(found[-1] / found[0])} times", figure(slowest[name]))
        for name, found in grown.items()
    ]
    cost_heads = ("stored", "bytes each", "POST: server, Redis CPU ms", "GET one: server, Redis")
    return f"{table(heads, rows)}\n\n{table(cost_heads, costs)}"


def _posts(subject: Subject) -> Sample:
    requests = Requests(
        subject=subject,
        requests=partial(repeat, POST_TASK, POSTS),
        is_right=is_queued,
        stored=partial(submitted, subject),
        connections=CONNECTIONS,
    )
    return requests(60.0)


def _query(store: Store, subject: Subject, name: str, seconds: float) -> tuple[float, float]:
    """Return the p50 in ms, and the ms of the slowest command that Redis ran for it."""
    store.wait_for_quiet()
    store.client.config_set("slowlog-log-slower-than", SLOW_MICROSECONDS)
    store.client.slowlog_reset()
    p50 = query_p50(subject, name, seconds)
    slow = [entry["duration"] for entry in store.client.slowlog_get(128)]
    return p50, max(slow, default=0) / 1000


def _cost(size: int, used: float, posts: Sample, reads: Sample) -> tuple[str, ...]:
    return (
        f"{size:,}",
        f"{used:,.0f}",
        *(f"{figure(each.server)}, {figure(each.redis)}" for each in (posts, reads)),
    )


def _used(store: Store) -> int:
    store.wait_for_quiet()
    return int(store.client.info("memory")["used_memory"])
