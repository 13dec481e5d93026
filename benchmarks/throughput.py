"""Measure the empty tasks per second of a worker, with the same number of children for both."""

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
from benchmarks.subjects import NotReady, Store, plain_worker_command, running, running_store

CHILDREN = (2, 4)
LIMIT_SECONDS = 180.0
POLL_SECONDS = 0.02
OURS = [sys.executable, "-m", "benchmarks.empty_worker"]
PLAIN = plain_worker_command("ERROR")


def throughput(directory: Path, plan: Plan) -> list[Row]:
    """Measure our worker, and the plain one with late acks and a Redis result backend."""
    return [throughput_row(directory, plan, children) for children in CHILDREN]


def throughput_row(directory: Path, plan: Plan, children: int) -> Row:
    name = f"empty tasks per second of one worker with {children} children"
    rounds = []
    for number in range(plan.rounds):
        ours, theirs = throughput_round(
            directory / f"throughput-{children}-{number}", plan.worker_tasks, children
        )
        say(f"  {name}, round {number + 1} of {plan.rounds}: {ours:,.0f} ours, {theirs:,.0f} plain")
        rounds.append((ours, theirs))
    ours_all, theirs_all = zip(*rounds, strict=True)
    return Row(name, ours_all, theirs_all, more_is_better=True)


def throughput_round(directory: Path, tasks: int, children: int) -> tuple[float, float]:
    with running_store(directory / "ours") as store:
        ours = our_throughput(store, directory, tasks, children)
    with running_store(directory / "plain") as store:
        return ours, plain_throughput(store, directory, tasks, children)


def our_throughput(store: Store, directory: Path, tasks: int, children: int) -> float:
    queue = OurTasks(store.url)
    for _ in range(tasks):
        queue.submit()
    queue.close()
    environment = {
        "TASKS_REDIS_URL": store.url,
        "TASKS_WORKER_CONCURRENCY": str(children),
        "TASKS_DATA_DIR": str(directory / "state"),
    }
    with running(OURS, environment, directory / "ours.log"):
        return slope(lambda: int(store.client.llen("tm:finished")), tasks)


def plain_throughput(store: Store, directory: Path, tasks: int, children: int) -> float:
    with Celery(
        "publisher", broker=store.url, backend=store.url, set_as_current=False
    ) as publisher:
        for _ in range(tasks):
            publisher.send_task(plain.nothing.name)
    keys = int(store.client.dbsize())
    command = [*PLAIN, "--concurrency", str(children)]
    with running(command, {"PLAIN_REDIS_URL": store.url}, directory / "plain.log"):
        return slope(lambda: int(store.client.dbsize()) - keys, tasks)


def slope(finished: Callable[[], int], tasks: int) -> float:
    """Return the tasks per second between the first and the last tenth.

    Raises NotReady if that takes minutes.
    """
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
