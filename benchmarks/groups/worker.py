"""Run empty tasks by workers with 2 and 4 children, those of the peers in turn with ours."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.contests import Entry, contest
from benchmarks.findings import Findings, Sample
from benchmarks.plan import Plan
from benchmarks.processes import (
    NotReady,
    Process,
    Store,
    cpu_of,
    kill,
    running,
    running_store,
)
from benchmarks.worker_peers import WORKERS, WorkerPeer

CHILDREN = (2, 4)
LIMIT_SECONDS = 180.0
POLL_SECONDS = 0.02
FIRST, LAST = 0.1, 0.9
"""The parts of the tasks between which the rate is taken: start and end are left out."""
MIN_TASKS = 100

_numbers = count()


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    peers = [peer for peer in WORKERS if plan.peers or not peer.is_peer]
    for children in CHILDREN:
        entries = [
            Entry(
                name=peer.name,
                measure=partial(one_round, peer, children, directory),
                warm_up=False,
                note=peer.note,
            )
            for peer in peers
        ]
        findings.contests[f"empty tasks, {children}"] = contest(
            f"Empty tasks, {children} children",
            entries,
            base="Celery",
            rounds=plan.rounds,
            seconds=plan.worker_seconds,
            operation="task",
        )
    findings.remarks["worker"] = (
        "Each worker has a queue of empty tasks that lasts for about "
        f"{plan.worker_seconds:g} s at its rate. Measured is the time between the first and the "
        "last tenth of them."
    )


def one_round(peer: WorkerPeer, children: int, directory: Path, seconds: float) -> Sample:
    """Measure a new worker on a new store. Raises NotReady if tasks stay unfinished."""
    tasks = max(int(peer.rate * seconds), MIN_TASKS)
    folder = directory / f"round-{next(_numbers)}"
    with running_store(folder) as store, ExitStack() as stack:
        peer.submit(store, tasks)
        store.wait_for_quiet()
        finished = finished_counter(peer, store, tasks)
        environment = peer.environment(store, folder, children)
        processes = [
            stack.enter_context(running(command, environment, folder / f"worker-{number}.log"))
            for number, command in enumerate(peer.commands(children))
        ]
        stack.callback(kill, processes)  # the store goes, and some take half a minute to stop
        return _sample(finished, tasks, processes, store, folder)


def finished_counter(peer: WorkerPeer, store: Store, tasks: int) -> Callable[[], int]:
    """Return a function that returns how many of the tasks are finished."""
    if left := peer.left:
        return lambda: tasks - left(store.client)
    done = peer.done or store.client.dbsize
    before = done(store.client)
    return lambda: done(store.client) - before


def _sample(
    finished: Callable[[], int], tasks: int, processes: list[Process], store: Store, folder: Path
) -> Sample:
    began, first = _reached(finished, tasks * FIRST, processes, folder)
    cpu, redis_cpu = cpu_of(processes), store.cpu()
    ended, last = _reached(finished, tasks * LAST, processes, folder)
    cpu, redis_cpu = cpu_of(processes) - cpu, store.cpu() - redis_cpu
    _reached(finished, tasks, processes, folder)
    done = max(last - first, 1)
    return Sample(
        rate=done / (ended - began),
        user=1000 * cpu.user / done,
        system=1000 * cpu.system / done,
        redis=1000 * redis_cpu.total / done,
    )


def _reached(
    finished: Callable[[], int], number: float, processes: list[Process], folder: Path
) -> tuple[float, int]:
    """Wait until so many tasks are finished. Raises NotReady if that takes minutes."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (done := finished()) < number:
        ended = any(process.poll() is not None for process in processes)
        if ended or time.monotonic() > deadline:
            log = (folder / "worker-0.log").read_text(errors="replace")[-1500:]
            raise NotReady(f"only {done} of {number:.0f} tasks were finished. The worker: {log}")
        time.sleep(POLL_SECONDS)
    return time.monotonic(), done
