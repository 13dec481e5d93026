"""Measure `task-manager export` and `import`: seconds, memory, and how long Redis is held.

    python -m benchmarks.archive [--tasks 100000]

A third of the tasks waits, the rest is final. It prints one line each for the export, for an import
into an empty Redis, and for a second import, which changes nothing: seconds, the peak memory of the
command, Redis's own CPU, and the longest call that other clients had to wait for.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from benchmarks.processes import ROOT, NotReady, Store, exit_on_signals, running_store
from benchmarks.stored_tasks import OurTasks, fill_in_batches

TASKS = 100_000
LIMIT_SECONDS = 600.0
WAITING_SHARE = 3
"""One task of so many waits."""
SLOW_CALL_US = 500
"""Redis notes calls from this time on; a shorter one delays nobody."""
MEBIBYTE = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    total = parser.parse_args().tasks
    exit_on_signals()
    with tempfile.TemporaryDirectory() as folder, running_store(Path(folder) / "redis") as store:
        fill(store, total)
        path = Path(folder) / "tasks.ndjson"
        with path.open("wb") as archive:
            measure(store, "export", lambda: run(store, "export", stdout=archive))
        print(f"The archive has {path.stat().st_size / MEBIBYTE:,.0f} MiB for {total:,} tasks.")
        store.empty()
        for name in ("import", "import again"):
            with path.open("rb") as archive:
                measure(store, name, lambda: run(store, "import", stdin=archive))


def fill(store: Store, total: int) -> None:
    tasks = OurTasks(store.url)

    def write(numbers: range) -> list[str]:
        waiting = len(numbers) // WAITING_SHARE
        ids = tasks.add_completed([{} for _ in numbers[waiting:]])
        return ids + [task.task_id for task in tasks.add([{} for _ in numbers[:waiting]])]

    fill_in_batches(0, total, write, "storing tasks")
    tasks.close()


def measure(store: Store, name: str, command: Callable[[], float]) -> None:
    """Run the command, which returns its peak memory in MiB, and print what it cost."""
    store.wait_for_quiet()
    store.client.config_set("slowlog-log-slower-than", SLOW_CALL_US)
    store.client.config_set("slowlog-max-len", 10_000)
    store.client.slowlog_reset()
    cpu, began = store.cpu(), time.monotonic()
    memory = command()
    seconds, used = time.monotonic() - began, (store.cpu() - cpu).total
    calls = [call["duration"] / 1_000 for call in store.client.slowlog_get(10_000)]
    print(
        f"{name}: {seconds:.1f} s, {memory:.0f} MiB at most; Redis used {used:.1f} s of CPU, "
        f"its longest call took {max(calls, default=SLOW_CALL_US / 1_000):.1f} ms"
    )


def run(
    store: Store, name: str, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None
) -> float:
    """Return the peak memory of the command in MiB. Raises NotReady if it fails."""
    process = subprocess.Popen(
        [sys.executable, "-m", "entrypoints.cli", name],
        env={**os.environ, "TASKS_REDIS_URL": store.url},
        cwd=ROOT,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + LIMIT_SECONDS
    while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            process.kill()
            raise NotReady(f"{name} takes more than {LIMIT_SECONDS:.0f} s")
        time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    if process.returncode:
        raise NotReady(f"{name} ended with exit code {process.returncode}")
    return ended[2].ru_maxrss / (1_024 if sys.platform != "darwin" else MEBIBYTE)


if __name__ == "__main__":
    main()
