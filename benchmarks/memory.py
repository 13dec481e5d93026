"""Measure the bytes that a task takes in Redis.

They are the growth of used_memory on a fresh server, divided by the number of tasks.

Not counted are the buffer of the append-only file and those of connections. A reading is taken when
nothing is being freed, rehashed or rewritten. Both services store a name of the same length and a
duration of one digit.
"""

import json
import time
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from benchmarks.connections import any_connections
from benchmarks.load import ClosedLoop, post
from benchmarks.plan import Plan
from benchmarks.progress import counted, say
from benchmarks.rows import Row
from benchmarks.scenarios import CONNECTIONS
from benchmarks.stored_tasks import NAME, OurTasks
from benchmarks.subjects import (
    NotReady,
    Store,
    Subject,
    running_plain,
    running_plain_worker,
    running_store,
)

BUFFERS = ("mem_aof_buffer", "mem_clients_normal")
SETTLE_SECONDS = 1.0
POLL_SECONDS = 2.0
PARTS = 10
TIME_LIMIT_SECONDS = 600.0

SHORTEST_TASK = post("/tasks", json.dumps({"task_name": NAME, "duration": 0}).encode())
"""Run time of the tasks. The plain worker really runs them."""


@dataclass(frozen=True)
class TaskBytes:
    waiting: float
    final: float


def bytes_per_task(directory: Path, plan: Plan) -> list[Row]:
    """Return two rows with one figure per service."""
    ours = our_bytes(directory / "our-memory", plan.memory_tasks)
    plain = plain_bytes(directory / "plain-memory", plan.memory_tasks)
    return [
        Row("bytes in Redis per waiting task", [ours.waiting], [plain.waiting]),
        Row("bytes in Redis per final task", [ours.final], [plain.final]),
    ]


def our_bytes(directory: Path, number: int) -> TaskBytes:
    """Submit, claim and complete tasks by the adapters of this service."""
    with running_store(directory) as store:
        tasks = OurTasks(store.url)
        tasks.submit()
        tasks.finish_next()
        empty = emptied(store)
        for _ in counted(range(number), total=number, what="submitting ours, tasks"):
            tasks.submit()
        waiting = used_bytes(store)
        for _ in counted(range(number), total=number, what="finishing ours, tasks"):
            tasks.finish_next()
        tasks.close()
        return TaskBytes((waiting - empty) / number, (used_bytes(store) - empty) / number)


def plain_bytes(directory: Path, number: int) -> TaskBytes:
    """Submit tasks by the plain API and run them by a Celery worker."""
    with (
        running_store(directory) as store,
        running_plain(store, store.url, directory / "plain.log") as subject,
    ):
        submit_plain(subject, PARTS)
        empty = emptied(store)
        for _ in counted(range(PARTS), total=PARTS, what="submitting plain, tenths"):
            submit_plain(subject, number // PARTS)
        waiting = used_bytes(store)
        with running_plain_worker(store.url, directory / "plain-worker.log"):
            wait_for_results(store, number)
        return TaskBytes((waiting - empty) / number, (used_bytes(store) - empty) / number)


def submit_plain(subject: Subject, number: int) -> None:
    requests = repeat(SHORTEST_TASK, number)
    with any_connections(subject.address, CONNECTIONS) as connections:
        ClosedLoop(connections, requests).run(seconds=TIME_LIMIT_SECONDS)


def wait_for_results(store: Store, number: int) -> None:
    """Wait until each task has its record and its result: two keys.

    Raises NotReady after ten minutes.
    """
    deadline = time.monotonic() + TIME_LIMIT_SECONDS
    while (keys := store.client.dbsize()) < 2 * number:
        if time.monotonic() > deadline:
            raise NotReady(f"the plain worker has finished only {keys - number} of {number} tasks")
        say(f"  finishing plain, tasks: {max(keys - number, 0):,} of {number:,}")
        time.sleep(POLL_SECONDS)


def emptied(store: Store) -> int:
    """Return the used bytes without any task, but with scripts and connections."""
    store.client.execute_command("FLUSHALL", "SYNC")
    return used_bytes(store)


def used_bytes(store: Store) -> int:
    """Return the used bytes after a pause of a second, in which buffers are written."""
    time.sleep(SETTLE_SECONDS)
    store.wait_for_quiet()
    info = store.client.info("memory")
    return int(info["used_memory"] - sum(info[name] for name in BUFFERS))
