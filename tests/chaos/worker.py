"""The worker under test: the service's own, with one handler that obeys labels and keeps a journal.

`python -m tests.chaos.worker` with the settings of the service, CHAOS_JOURNAL and CHAOS_CRASH_DIR.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dependency_injector import providers
from kombu.transport import redis as kombu_redis

from adapters.handlers.isolated_handler import IsolatedHandler
from adapters.handlers.sleep import SleepHandler
from adapters.redis.task_leases import RedisTaskLeases
from adapters.supervision.descendants import Descendants
from adapters.supervision.task_process import TaskProcess
from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler, TaskHandlers, TaskType
from application.use_cases.worker.finish_run import FinishRun
from application.use_cases.worker.run_tasks import RunTasks
from domain.task import Task
from domain.task_spec import DEFAULT_TYPE, TaskSpec
from entrypoints.container import Container
from entrypoints.container.handlers import find_handlers
from entrypoints.container.worker import build_worker
from entrypoints.environment import load_settings
from entrypoints.logging import configure_logging
from tests.chaos.journal import JOURNAL, write_line
from tests.worker_descriptors import garble, pipes_to_write, unlock_all

CRASH_DIR = "CHAOS_CRASH_DIR"
CLOCK_STEP = "CHAOS_CLOCK_STEP"
"""Seconds by which this worker's wall clock is wrong."""
TICK_SECONDS = 0.01
FORKS = (
    "both return",
    "copy raises",
    "copy exits",
    "failed exec",
    "copy goes on",
    "daemon",
    "program",
)
LEFT = "left-"
"""Starts the names of files that hold the process ids of what was started."""
FOREVER = 3_600


class ChaosHandler(TaskHandler):
    """Do what the labels of a task say.

    `do` is sleep, tick, crash, stop, gil, swallow, pipes, garbage, unlock, report, fail or one of
    FORKS. `ms` is how long. With `once` only the first run does it. `kb` is the size of the result.
    """

    type = SleepHandler.type

    def __init__(self, journal: int, real: TaskHandlers) -> None:
        self._journal = journal
        self._real = real

    def validate(self, spec: TaskSpec) -> None:
        """Takes everything."""

    def run(self, task: Task, context: RunContext) -> dict[str, Any]:
        what = {"task_id": task.task_id, "claim": task.fencing_token, "attempt": task.attempt}
        how = "raised"
        write_line(self._journal, "start", **what)
        process = os.getpid()
        try:
            self._work(task, context)
            result = self._real_result(task, context)
            how = "returned"
        finally:
            if (
                os.getpid() == process
            ):  # a copy, made by os.fork(), goes on to the end of the handler
                write_line(self._journal, "end", how=how, **what)
        return {"claim": task.fencing_token, "attempt": task.attempt, **result}

    def _real_result(self, task: Task, context: RunContext) -> dict[str, Any]:
        """Do the work of a type that is not simulated: an HTTP call or a Python function."""
        if task.spec.type == DEFAULT_TYPE:
            return (
                {"text": "x" * 1_000 * int(task.spec.labels["kb"])}
                if "kb" in task.spec.labels
                else {}
            )
        return {"result": self._real.of_type(task.spec.type).run(task, context)}

    def _work(self, task: Task, context: RunContext) -> None:
        labels = task.spec.labels
        do, seconds = labels.get("do", "sleep"), int(labels.get("ms", "0")) / 1000
        if "once" in labels:
            marker = Path(os.environ[CRASH_DIR]) / f"ran-{task.task_id}"
            if marker.exists():
                do, seconds = "sleep", 0.0
            marker.touch()
        {
            "sleep": lambda: time.sleep(seconds),
            "tick": lambda: self._tick(seconds),
            "crash": lambda: os.kill(os.getpid(), signal.SIGKILL),
            "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
            "gil": lambda: hold_the_interpreter(seconds),
            "swallow": lambda: swallow_everything(seconds),
            "pipes": lambda: replace_pipes(self._journal),
            "garbage": lambda: garble(_pipes(self._journal)),
            "unlock": unlock_all,
            "report": lambda: report(context, seconds),
            "fail": fail,
            **{
                fork: lambda fork=fork: fork_as(
                    fork, f"{task.task_id}-{task.fencing_token}", seconds
                )
                for fork in FORKS
            },
        }[do]()

    def _tick(self, seconds: float) -> None:
        """Write a line into the journal every 10 ms."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            write_line(self._journal, "tick")
            time.sleep(TICK_SECONDS)


class ChaosHandlers(TaskHandlers):
    """Makes each child write a line into the journal before its first task."""

    def __init__(self, process: TaskProcess, real: TaskHandlers) -> None:
        journal = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        write_line(journal, "child")
        self._handler = IsolatedHandler(
            ChaosHandler(journal, real), process, Descendants(), lambda: None
        )

    def of_type(self, type: str) -> TaskHandler:
        return self._handler

    def types(self) -> Sequence[TaskType]:
        return [self._handler.type]

    def validate(self, spec: TaskSpec) -> None:
        """Takes everything."""


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def hold_the_interpreter(seconds: float) -> None:
    """Wait in C with the GIL held.

    No signal handler interrupts it: pthread_mutex_timedlock(3) knows no EINTR.
    """
    pthread: Any = ctypes.PyDLL(None)
    mutex = ctypes.create_string_buffer(128)
    until = Timespec(int(time.time() + seconds), 0)
    pthread.pthread_mutex_lock(mutex)
    pthread.pthread_mutex_timedlock(mutex, ctypes.byref(until))


def swallow_everything(seconds: float) -> None:
    """Catch whatever is raised, and go on until the time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(BaseException):
            time.sleep(max(until - time.monotonic(), 0))


def replace_pipes(journal: int) -> None:
    """Put /dev/null in place of the pool's pipes."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in _pipes(journal):
        os.dup2(null, descriptor)
    os.close(null)


def _pipes(journal: int) -> list[int]:
    """Return the descriptors of pipes that this process writes to, without its journal."""
    return [descriptor for descriptor in pipes_to_write() if descriptor != journal]


def fail() -> None:
    """Fail as work does that raises an exception."""
    raise RuntimeError("the work failed on purpose")


def fork_as(how: str, name: str, seconds: float) -> None:
    """Fork, or start a program, and go on for so long. Copies return from the handler, too."""
    if how == "program":
        leave_pid(
            f"{name}-program", subprocess.Popen(["sleep", str(FOREVER)], start_new_session=True).pid
        )
    elif os.fork() == 0:
        leave_pid(f"{name}-copy", os.getpid())
        match how:
            case "copy raises":
                raise ValueError("of the copy")
            case "copy exits":
                sys.exit(7)
            case "failed exec":
                os.execv("/no/such/program", ["program"])
            case "copy goes on":
                time.sleep(FOREVER)
            case "daemon":
                os.setsid()
                if os.fork() == 0:
                    leave_pid(f"{name}-daemon", os.getpid())
                    time.sleep(FOREVER)
        return
    time.sleep(seconds)


def leave_pid(name: str, pid: int) -> None:
    file = Path(os.environ[CRASH_DIR]) / f"{LEFT}{name}"
    unfinished = file.with_name(f"unfinished-{name}")
    unfinished.write_text(str(pid))
    unfinished.rename(file)


def report(context: RunContext, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        context.progress(max(1 - left / seconds, 0), "on the way")
        context.log("a line")
        time.sleep(TICK_SECONDS)


def crash_at(point: str) -> None:
    """Kill this process when a file of that name exists. Each file kills one process."""
    try:
        (Path(os.environ[CRASH_DIR]) / point).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def add_crash_points(owner: type[Any], method: str, name: str) -> None:
    """Add the points before_<name> and after_<name> to a method."""
    plain: Callable[..., Any] = getattr(owner, method)

    def crashing(*arguments: Any, **options: Any) -> Any:
        crash_at(f"before_{name}")
        result = plain(*arguments, **options)
        crash_at(f"after_{name}")
        return result

    setattr(owner, method, crashing)


def main() -> int:
    """Run the worker. Returns the exit code."""
    if step := os.environ.get(CLOCK_STEP):
        real = time.time
        time.time = lambda: real() + float(step)
    add_crash_points(RunTasks, "_claim", "claim")
    add_crash_points(FinishRun, "execute", "finish")
    add_crash_points(RedisTaskLeases, "finish_and_claim", "turn")
    add_crash_points(kombu_redis.Channel, "_brpop_read", "pop")
    settings = load_settings()
    Container.handlers.override(
        providers.Singleton(ChaosHandlers, Container.task_process, find_handlers(settings))
    )
    configure_logging("worker")
    return build_worker(settings).run()


if __name__ == "__main__":
    sys.exit(main())
