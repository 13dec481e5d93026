"""How many empty tasks a second a worker runs, with two children each."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from celery import Celery

from benchmarks import plain
from benchmarks.plan import Plan
from benchmarks.progress import say
from benchmarks.rows import Row
from benchmarks.stored_tasks import OurTasks
from benchmarks.subjects import NotReady, Store, running, running_store

CHILDREN = 2
LIMIT_SECONDS = 180.0
POLL_SECONDS = 0.02
OURS = [sys.executable, "-m", "benchmarks.empty_worker"]
PLAIN = [sys.executable, "-m", "celery", "--app", "benchmarks.plain:celery_app", "worker", "--loglevel", "ERROR"]


def throughput(directory: Path, plan: Plan) -> list[Row]:
    """Ours with leases, events and records; the plain one with late acknowledgement and the Redis result backend."""
    rounds = [throughput_round(directory / f"throughput-{number}", plan, number) for number in range(plan.rounds)]
    ours, theirs = zip(*rounds, strict=True)
    return [Row("empty tasks per second of one worker", ours, theirs, more_is_better=True)]


def throughput_round(directory: Path, plan: Plan, number: int) -> tuple[float, float]:
    with running_store(directory / "ours") as store:
        ours = our_throughput(store, directory, plan.worker_tasks)
    with running_store(directory / "plain") as store:
        theirs = plain_throughput(store, directory, plan.worker_tasks)
    say(f"  empty tasks, round {number + 1} of {plan.rounds}: {ours:,.0f} ours, {theirs:,.0f} plain a second")
    return ours, theirs


def our_throughput(store: Store, directory: Path, tasks: int) -> float:
    queue = OurTasks(store.url)
    for _ in range(tasks):
        queue.submit()
    queue.close()
    environment = {
        "TASKS_REDIS_URL": store.url,
        "TASKS_WORKER_CONCURRENCY": str(CHILDREN),
        "TASKS_DATA_DIR": str(directory / "state"),
    }
    with running(OURS, environment, directory / "ours.log"):
        return slope(lambda: int(store.client.llen("tm:finished")), tasks)


def plain_throughput(store: Store, directory: Path, tasks: int) -> float:
    with Celery("publisher", broker=store.url, backend=store.url, set_as_current=False) as publisher:
        for _ in range(tasks):
            publisher.send_task(plain.nothing.name)
    keys = int(store.client.dbsize())
    command = [*PLAIN, "--concurrency", str(CHILDREN)]
    with running(command, {"PLAIN_REDIS_URL": store.url}, directory / "plain.log"):
        return slope(lambda: int(store.client.dbsize()) - keys, tasks)


def slope(finished: Callable[[], int], tasks: int) -> float:
    """Tasks a second between the first tenth and the last. Raises NotReady when that takes minutes."""
    first = reached(finished, tasks * 0.1)
    last = reached(finished, tasks * 0.9)
    return (last[1] - first[1]) / (last[0] - first[0])


def reached(finished: Callable[[], int], number: float) -> tuple[float, int]:
    deadline = time.monotonic() + LIMIT_SECONDS
    while (count := finished()) < number:
        if time.monotonic() > deadline:
            raise NotReady(f"only {count} of {number:.0f} tasks were finished")
        time.sleep(POLL_SECONDS)
    return time.monotonic(), count
