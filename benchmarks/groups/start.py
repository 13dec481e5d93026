"""Measure how long `make run` takes to its first response, the first time and after that.

`make run` starts `task-manager local` once everything is installed. The code is a copy without
compiled files, as it is right after installation.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from benchmarks.findings import Findings
from benchmarks.peers.environment import OUR_CODE, users_python
from benchmarks.plan import Plan
from benchmarks.processes import ROOT, NotReady, free_port, running
from benchmarks.progress import say
from benchmarks.subjects import responds

POLL_SECONDS = 0.01
LIMIT_SECONDS = 60.0
COMPILED = ("__pycache__", "*.egg-info")


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    python = users_python() if plan.peers else sys.executable
    firsts, seconds = [], []
    for number in range(plan.rounds):
        folder = directory / str(number)
        shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns(*COMPILED))
        firsts.append(start_seconds(folder, python))
        seconds.append(start_seconds(folder, python))
        say(f"  first start {firsts[-1]:.2f} s, second {seconds[-1]:.2f} s")
    add = findings.add_quantity
    add("first start", "first start after installation", "s", *firsts)
    add("second start", "second start", "s", *seconds)
    findings.remarks["start"] = (
        "From the start of the process that `make run` starts to the first response of "
        "GET /tasks, with an embedded Redis. First: no compiled Python files of the service and "
        "an empty data directory."
    )


def start_seconds(folder: Path, python: str) -> float:
    """Start everything from the copy of the code in the folder. Raises NotReady."""
    port = free_port()
    environment = {
        "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(OUR_CODE[1])]),
        "PYTHONDONTWRITEBYTECODE": "",
        "TASKS_HTTP_PORT": str(port),
        "TASKS_DATA_DIR": str(folder / "data"),
    }
    began = time.monotonic()
    log = folder / "local.log"
    with running([python, "-m", "entrypoints.cli", "local"], environment, log) as process:
        while not responds(port, "/tasks"):
            if process.poll() is not None or time.monotonic() > began + LIMIT_SECONDS:
                raise NotReady(f"the stack does not start: {log.read_text()[-1500:]}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began
