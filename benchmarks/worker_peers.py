"""The workers that are compared: how each is started and how its finished tasks are counted."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.environment import arq_python, peers_python
from benchmarks.processes import ROOT, NotReady, Redis, Store
from benchmarks.stored_tasks import BATCH, OurTasks

Count = Callable[[Redis], int]


def _own_python() -> str:
    return sys.executable


@dataclass(frozen=True, kw_only=True)
class WorkerPeer:
    name: str
    module: str
    """Its program below benchmarks/peers; empty for ours."""
    command: Sequence[str]
    """The arguments of Python; {n} is the number of children."""
    rate: int
    """Tasks per second about which it does with 2 children: how many it is given."""
    left: Count | None = None
    """Return the tasks that are not finished."""
    done: Count | None = None
    """Return the keys or entries that finished tasks leave, where `left` is not known."""
    python: Callable[[], str] = peers_python
    copies: bool = False
    """True if its command is one process, which is started once for each child."""
    is_peer: bool = True
    """False if it needs no installation."""
    note: str

    def submit(self, store: Store, number: int) -> None:
        """Put empty tasks into its queue. Raises NotReady."""
        if not self.module:
            _submit_ours(store.url, number)
            return
        command = [self.python(), "-m", "benchmarks.peers.submit", self.module, str(number)]
        environment = {**os.environ, **self.environment(store, Path())}
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotReady(f"{self.name} takes no tasks: {done.stderr[-1000:]}")

    def commands(self, children: int) -> list[list[str]]:
        command = [self.python(), *(each.format(n=children) for each in self.command)]
        return [command] * (children if self.copies else 1)

    def environment(self, store: Store, directory: Path, children: int = 1) -> dict[str, str]:
        if self.module:
            return {"PEER_REDIS_URL": store.url, "RQ_REDIS_URL": store.url}
        return {
            "TASKS_REDIS_URL": store.url,
            "TASKS_WORKER_CONCURRENCY": str(children),
            "TASKS_DATA_DIR": str(directory / "state"),
        }


OURS = WorkerPeer(
    name="ours",
    module="",
    command=("-m", "benchmarks.empty_worker"),
    rate=5_000,
    done=lambda client: client.llen("tm:finished"),
    python=_own_python,
    is_peer=False,
    note="lease, record, indexes, result and three events of each task; resumed after a crash",
)
CELERY = WorkerPeer(
    name="Celery",
    module="celery_app",
    command=(
        *("-m", "celery", "--app", "benchmarks.peers.celery_app", "worker"),
        *("--loglevel", "ERROR", "--concurrency", "{n}"),
    ),
    rate=1_000,
    done=lambda client: client.dbsize(),
    python=_own_python,
    is_peer=False,
    note="late acknowledgement, results; lost runs come back after an hour; no list",
)
WORKERS = (
    OURS,
    CELERY,
    WorkerPeer(
        name="Dramatiq",
        module="dramatiq_app",
        command=("-m", "dramatiq", "benchmarks.peers.dramatiq_app", "--processes", "{n}"),
        rate=3_500,
        left=lambda client: client.hlen("dramatiq:default.msgs"),
        note="acknowledges; keeps no result and no record; 8 threads in each process",
    ),
    WorkerPeer(
        name="Huey",
        module="huey_app",
        command=(
            *("-m", "huey.bin.huey_consumer", "benchmarks.peers.huey_app.huey"),
            *("--worker-type", "process", "--workers", "{n}", "--quiet"),
        ),
        rate=4_500,
        done=lambda client: client.hlen("huey.results.peer"),
        note="no acknowledgement: a killed process loses its task; keeps results",
    ),
    WorkerPeer(
        name="RQ",
        module="rq_app",
        command=("-m", "rq.cli", "worker-pool", "--num-workers", "{n}", "--quiet"),
        rate=80,
        done=lambda client: client.zcard("rq:finished:default"),
        note="a new process for each job; keeps results",
    ),
    WorkerPeer(
        name="taskiq",
        module="taskiq_app",
        command=(
            *("-m", "taskiq", "worker", "benchmarks.peers.taskiq_app:broker"),
            *("--workers", "{n}", "--log-level", "ERROR"),
        ),
        rate=1_500,
        done=lambda client: client.dbsize(),
        note="acknowledges by a stream of Redis; keeps results; 100 coroutines in each process",
    ),
    WorkerPeer(
        name="arq",
        module="arq_app",
        command=("-m", "arq", "benchmarks.peers.arq_app.WorkerSettings"),
        rate=500,
        left=lambda client: client.zcard("arq:queue"),
        python=arq_python,
        copies=True,
        note="keeps results; polls every 10 ms instead of 500, up to 100 jobs in each process",
    ),
)


def _submit_ours(url: str, number: int) -> None:
    tasks = OurTasks(url)
    for first in range(0, number, BATCH):
        tasks.add([{}] * min(BATCH, number - first))
    tasks.close()
