"""The requests to both services, and the rounds in which the services take turns."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, repeat

from benchmarks.connections import even_connections
from benchmarks.load import ClosedLoop, Load, get, post
from benchmarks.plan import Plan
from benchmarks.progress import say
from benchmarks.rows import Row
from benchmarks.stored_tasks import DURATION, NAME
from benchmarks.subjects import Pair, Subject

CONNECTIONS = 16
WARM_UP_SECONDS = 1.0
PATHS = 1000
"""Number of different paths that are requested in turn."""
SEED = 1

POST_TASK = post("/tasks", json.dumps({"task_name": NAME, "duration": DURATION}).encode())

Requests = Callable[[Subject], Iterator[bytes]]


@dataclass(frozen=True)
class Scenario:
    name: str
    requests: Requests


@dataclass(frozen=True)
class Measurement:
    """The figures of one service in one round."""

    load: Load
    server_cpu: float
    """CPU seconds of the HTTP server."""
    store_cpu: float
    """CPU seconds of the Redis server."""

    def per_request(self, cpu_seconds: float) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return 1000 * cpu_seconds / len(self.load.latencies)


QUANTITIES: dict[str, Callable[[Measurement], float]] = {
    "requests per second": lambda one: one.load.rate,
    "p50, ms": lambda one: one.load.percentile(50),
    "p99, ms": lambda one: one.load.percentile(99),
    "server CPU per request, ms": lambda one: one.per_request(one.server_cpu),
    "Redis CPU per request, ms": lambda one: one.per_request(one.store_cpu),
}
MORE_IS_BETTER = {"requests per second"}


def submits(_: Subject) -> Iterator[bytes]:
    return repeat(POST_TASK)


def reads(subject: Subject) -> Iterator[bytes]:
    chosen = random.Random(SEED).choices(subject.task_ids, k=PATHS)
    return cycle([get(f"/tasks/{task_id}") for task_id in chosen])


def pages_of(size: int) -> Requests:
    """Return paths of pages at random places in the list."""

    def pages(subject: Subject) -> Iterator[bytes]:
        numbers = random.Random(SEED).choices(range(1, 1 + len(subject.task_ids) // size), k=PATHS)
        return cycle([get(f"/tasks?page={number}&page_size={size}") for number in numbers])

    return pages


SUBMIT = Scenario("submit", submits)
GETS = (
    Scenario("get one", reads),
    Scenario("list of 10", pages_of(10)),
    Scenario("list of 100", pages_of(100)),
)


def compare(scenario: Scenario, pair: Pair, plan: Plan) -> list[Row]:
    """Measure rounds in which the services take turns.

    Returns five rows with one figure per round and service.
    """
    for subject in pair:
        measure(scenario, subject, WARM_UP_SECONDS)
    rounds = [compare_once(scenario, pair, plan, number) for number in range(1, plan.rounds + 1)]
    ours, others = zip(*rounds, strict=True)
    return [
        Row(
            f"{scenario.name}: {name}",
            [*map(take, ours)],
            [*map(take, others)],
            name in MORE_IS_BETTER,
        )
        for name, take in QUANTITIES.items()
    ]


def compare_once(
    scenario: Scenario, pair: Pair, plan: Plan, number: int
) -> tuple[Measurement, Measurement]:
    ours, other = (measure(scenario, subject, plan.seconds) for subject in pair)
    figures = zip(pair, (ours, other), strict=True)
    rates = ", ".join(f"{subject.name} {one.load.rate:,.0f}/s" for subject, one in figures)
    say(f"  {scenario.name}, round {number} of {plan.rounds}: {rates}")
    return ours, other


def measure(scenario: Scenario, subject: Subject, seconds: float) -> Measurement:
    subject.store.wait_for_quiet()
    with even_connections(subject, CONNECTIONS) as connections:
        server, store = subject.server_cpu(), subject.store_cpu()
        load = ClosedLoop(connections, scenario.requests(subject)).run(seconds=seconds)
        return Measurement(load, subject.server_cpu() - server, subject.store_cpu() - store)
