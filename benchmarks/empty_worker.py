"""`python -m benchmarks.empty_worker`: the worker of this service, but its tasks take no time.

Its children build their containers from the same class after the fork, so they have the handler,
too. With BENCHMARK_STARTS, the path of a file, each run adds a line to it: task id and time.
"""

import os
import sys
import time
from typing import Any

from entrypoints.quick_imports import quick_imports

with quick_imports():  # as the command `worker` does
    from dependency_injector import providers

    from adapters.handlers.registry import HandlerRegistry
    from adapters.handlers.sleep import SleepHandler
    from application.ports.run import RunContext
    from domain.task import Task
    from entrypoints.container import Container
    from entrypoints.environment import load_settings
    from entrypoints.logging import configure_logging
    from entrypoints.worker.process import run_worker

STARTS = os.environ.get("BENCHMARK_STARTS")


class EmptyHandler(SleepHandler):
    def run(self, task: Task, context: RunContext) -> Any:
        """Do nothing, or write down when the run started."""
        if STARTS:
            now = time.time()
            with open(STARTS, "a") as lines:  # noqa: PTH123  # the shortest way
                lines.write(f"{task.task_id} {now}\n")


def main() -> int:
    """Run the worker. Returns the exit code."""
    Container.handlers.override(providers.Object(HandlerRegistry([EmptyHandler()])))
    configure_logging("worker")
    return run_worker(load_settings())


if __name__ == "__main__":
    sys.exit(main())
