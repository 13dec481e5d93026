"""Measure the bytes that a task takes in Redis.

They are the growth of used_memory on a fresh server, divided by the number of tasks. Not counted
are the buffer of the append-only file and those of connections. A reading is taken when nothing is
being freed, rehashed or rewritten. Both services store a name of the same length.
"""

import time
from pathlib import Path

from benchmarks.connections import any_connections
from benchmarks.contests import CONNECTIONS
from benchmarks.findings import Findings
from benchmarks.load import ClosedLoop, post
from benchmarks.plan import Plan
from benchmarks.processes import Store, running, running_store, wait_until
from benchmarks.progress import counted
from benchmarks.stored_tasks import OurTasks, json_of
from benchmarks.subjects import running_plain
from benchmarks.worker_peers import CELERY

BUFFERS = ("mem_aof_buffer", "mem_clients_normal")
SETTLE_SECONDS = 1.0
SUBMIT_SECONDS = 600.0
EVENTS_KEY = "tm:events"
SHORTEST_TASK = post("/tasks", json_of({"duration": 0}))
"""The plain worker really runs it."""


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    """Add the bytes of a waiting task and of a final one, ours and the plain service's."""
    _ours(directory / "ours", plan.memory_tasks, findings)
    _plain(directory / "plain", plan.memory_tasks // 2, findings)
    findings.remarks["storage"] = (
        f"Growth of used_memory over {plan.memory_tasks:,} tasks with a name, a duration and a "
        "result: the record, its indexes by time, status, type and queue, and its events."
    )


def _ours(directory: Path, number: int, findings: Findings) -> None:
    """Submit, claim and complete tasks by the adapters of this service."""
    with running_store(directory) as store:
        tasks = OurTasks(store.url)
        tasks.submit()
        tasks.finish_next()
        empty = _emptied(store)
        for _ in counted(range(number), total=number, what="submitting ours, tasks"):
            tasks.submit()
        waiting = _used_bytes(store)
        for _ in counted(range(number), total=number, what="finishing ours, tasks"):
            tasks.finish_next()
        tasks.close()
        final = _used_bytes(store)
        store.client.delete(EVENTS_KEY)
        events = final - _used_bytes(store)
    add = findings.add_quantity
    add("waiting bytes", "ours, a waiting task", "bytes", (waiting - empty) / number)
    add("final bytes", "ours, a final task", "bytes", (final - empty) / number)
    add("event bytes", "of it: its share of the events", "bytes", events / number)


def _plain(directory: Path, number: int, findings: Findings) -> None:
    """Submit tasks by the plain API and run them by a Celery worker."""
    log = directory / "worker.log"
    with running_store(directory) as store, running_plain(store, directory / "api.log") as subject:
        with any_connections(subject.address, CONNECTIONS) as connections:
            ClosedLoop(connections, iter([SHORTEST_TASK])).run(seconds=SUBMIT_SECONDS)
            empty = _emptied(store)
            requests = iter([SHORTEST_TASK] * number)
            ClosedLoop(connections, requests).run(seconds=SUBMIT_SECONDS)
        [command] = CELERY.commands(children=2)
        command = [part.replace("celery_app", "plain:celery_app") for part in command]
        with running(command, CELERY.environment(store, directory), log) as worker:
            wait_until(lambda: store.client.dbsize() >= 2 * number, worker, log)
            while _is_processing(store):
                time.sleep(SETTLE_SECONDS)
        final = _used_bytes(store)
    findings.add_quantity(
        "plain final bytes",
        "plain service, a final task: record, list and Celery's result",
        "bytes",
        (final - empty) / number,
    )


def _is_processing(store: Store) -> bool:
    return bool(store.client.exists("unacked") or store.client.llen("celery"))


def _emptied(store: Store) -> int:
    """Return the used bytes without any task, but with scripts and connections."""
    store.empty()
    return _used_bytes(store)


def _used_bytes(store: Store) -> int:
    """Return the used bytes after a pause of a second, in which buffers are written."""
    time.sleep(SETTLE_SECONDS)
    store.wait_for_quiet()
    info = store.client.info("memory")
    return int(info["used_memory"] - sum(info[name] for name in BUFFERS))
