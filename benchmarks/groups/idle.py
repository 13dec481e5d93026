"""Measure an idle stack: its memory, and the time from a POST to the start of the run."""

import json
import os
import random
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.connections import any_connections
from benchmarks.findings import Findings
from benchmarks.groups.submit import POST_TASK
from benchmarks.load import ClosedLoop
from benchmarks.peers.environment import OUR_CODE, users_python
from benchmarks.plan import Plan
from benchmarks.processes import ROOT, NotReady, Process, family, running, running_store
from benchmarks.progress import say
from benchmarks.subjects import Subject, running_ours

CHILDREN = 4
SETTLE_SECONDS = 5.0
PAUSES_SECONDS = (0.02, 0.06)
"""Limits of the random pause between two submits, in which the stack becomes idle again."""
WARM_UP = 20
LIMIT_SECONDS = 30.0
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Stack:
    api: Subject
    processes: Sequence[Process]
    starts: Path
    """A file with a line for each start of a run."""


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    rounds = []
    python = users_python() if plan.peers else sys.executable
    with running_stack(directory, python) as stack:
        _start_milliseconds(stack, WARM_UP)
        for number in range(plan.rounds):
            rounds.append(sorted(_start_milliseconds(stack, plan.starts)))
            say(f"  submit to start, round {number + 1}: p50 {_percentile(rounds[-1], 50):.2f} ms")
        time.sleep(SETTLE_SECONDS)
        memory = sum(process.memory_full_info().pss for process in family(stack.processes))
    for percent in (50, 99):
        findings.add_quantity(
            f"start p{percent}",
            f"POST to the start of the run, p{percent}",
            "ms",
            *(_percentile(each, percent) for each in rounds),
        )
    name = f"PSS of API 2 + worker {CHILDREN} + maintenance"
    findings.add_quantity("idle PSS", name, "MB", memory / MEGABYTE)
    findings.remarks["idle"] = (
        f"API with 2 processes, a worker with {CHILDREN} children, maintenance, all with the "
        f"libraries that `make run` installs, and a Redis that does not count. {plan.starts} POSTs "
        "a round with a pause of 20 to 60 ms after each; "
        "timed from the first byte of the request to the first line of the handler. Memory: the "
        f"sum of PSS, {SETTLE_SECONDS:g} s after that."
    )


@contextmanager
def running_stack(directory: Path, python: str = sys.executable) -> Iterator[Stack]:
    """Start API, worker and maintenance with one Redis server."""
    starts = directory / "starts"
    starts.touch()
    with ExitStack() as stack:
        store = stack.enter_context(running_store(directory / "redis"))
        environment = {
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *OUR_CODE))),
            "TASKS_REDIS_URL": store.url,
            "TASKS_WORKER_CONCURRENCY": str(CHILDREN),
            "TASKS_DATA_DIR": str(directory / "state"),
            "BENCHMARK_STARTS": str(starts),
        }
        worker = [python, "-m", "benchmarks.empty_worker"]
        maintenance = [python, "-m", "entrypoints.cli", "maintenance"]
        processes = [
            stack.enter_context(running(command, environment, directory / f"{name}.log"))
            for name, command in (("worker", worker), ("maintenance", maintenance))
        ]
        api = stack.enter_context(
            running_ours(store, directory / "api.log", settings=environment, python=python)
        )
        yield Stack(api, [api.process, *processes], starts)


def _start_milliseconds(stack: Stack, number: int) -> list[float]:
    """Submit tasks one by one. Returns the time until each one's run started."""
    began: dict[str, float] = {}
    pauses = random.Random(number)
    with any_connections(stack.api.address, 1) as connections:
        for _ in range(number):
            now = time.time()
            began[_submit(connections)] = now
            time.sleep(pauses.uniform(*PAUSES_SECONDS))
    deadline = time.monotonic() + LIMIT_SECONDS
    while not began.keys() <= (started := _started(stack.starts)).keys():
        if time.monotonic() > deadline:
            raise NotReady("a task that was submitted to an idle stack was not started")
        time.sleep(0.1)
    return [1000 * (started[task_id] - now) for task_id, now in began.items()]


def _submit(connections: Sequence[socket.socket]) -> str:
    load = ClosedLoop(connections, iter([POST_TASK])).run(seconds=LIMIT_SECONDS)
    task_id: str = json.loads(load.last_bodies[0])["task_id"]
    return task_id


def _started(starts: Path) -> dict[str, float]:
    pairs = (line.split() for line in starts.read_text().splitlines())
    return {task_id: float(moment) for task_id, moment in pairs}


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[(len(ordered) - 1) * percent // 100]
