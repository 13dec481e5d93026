"""Handlers for tests that fork, start programs, and change the process that they run in."""

import asyncio
import contextlib
import decimal
import gc
import json
import locale
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from application.use_cases.worker.run_tasks import RunTasks
from tests import worker_descriptors

FOREVER = 600


def fork_and_return() -> str:
    """Let both processes return."""
    if os.fork() == 0:
        return "copy"
    time.sleep(0.1)  # the copy comes first
    return "original"


def fork_and_wait_for(ending: str) -> int:
    """Return the exit status of a copy that ends as told."""
    copy = os.fork()
    if copy:
        return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    match ending:
        case "raise":
            raise ValueError("of the copy")
        case "exit":
            sys.exit(7)
        case "failed exec":
            os.execv("/no/such/program", ["program"])  # raises in the copy
    return 0


def fork_and_go_on(folder: str, seconds: float = 0, *, context: Any) -> str:
    """Let the copy go on for ever, and the original for some seconds."""
    if os.fork() == 0:
        _leave_pid(folder, "copy")
        context.log("of the copy")
        time.sleep(FOREVER)
    _wait_for_pid(folder, "copy")
    time.sleep(seconds)
    return "original"


def start_daemon(folder: str, seconds: float = 0) -> str:
    """Start a daemon, by two forks and a session of its own, and work for some seconds more.

    The work ends when a file "go on" is in the folder.
    """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _leave_pid(folder, "daemon")
            time.sleep(FOREVER)
        os._exit(0)
    _wait_for_pid(folder, "daemon")
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not Path(folder, "go on").exists():
        time.sleep(0.02)
    return "original"


def start_program(folder: str, seconds: float = 0) -> str:
    """Leave a program running that belongs to no session of ours."""
    program = subprocess.Popen(["sleep", str(FOREVER)], start_new_session=True)
    _leave_pid(folder, "program", program.pid)
    time.sleep(seconds)
    return "original"


def keep_program(folder: str) -> str:
    """Leave a program running on purpose."""
    return start_program(folder)


keep_program.keep_processes = True  # type: ignore[attr-defined]


def spoil_state() -> None:
    """Change whatever a process has once."""
    os.chdir("/")
    os.environ["SPOILT"] = "yes"
    os.environ.pop("PATH")
    os.umask(0o777)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    sys.setrecursionlimit(5_000)
    sys.stdin = None
    locale.setlocale(locale.LC_ALL, "C")
    for number in (signal.SIGALRM, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    _spoil_interpreter()


def _spoil_interpreter() -> None:
    sys.setswitchinterval(100)
    sys.setprofile(lambda *_: None)
    threading.settrace(lambda *_: None)
    sys.path.insert(0, "/spoilt")
    gc.disable()
    decimal.getcontext().prec = 2
    socket.setdefaulttimeout(0.001)
    warnings.simplefilter("error")
    logging.disable()
    logging.getLogger().setLevel(logging.CRITICAL)
    logging.getLogger().handlers.clear()
    asyncio._set_running_loop(asyncio.new_event_loop())
    time.time = time.monotonic = lambda: 0.0
    sys.settrace(lambda *_: None)


def describe_state() -> dict[str, Any]:
    """Return what a handler can see of its process."""
    umask = os.umask(0)
    os.umask(umask)
    return {
        "pid": os.getpid(),
        "directory": str(Path.cwd()),
        "environment": dict(os.environ),
        "umask": umask,
        "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
        "recursion": sys.getrecursionlimit(),
        "stdin": sys.stdin is not None,
        "locale": locale.setlocale(locale.LC_ALL),
        "handlers": [
            str(signal.getsignal(number))
            for number in (signal.SIGALRM, signal.SIGUSR2, signal.SIGTERM)
        ],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "interpreter": [
            sys.getswitchinterval(),
            gc.isenabled(),
            sys.path,
            str(time.time),
            str(time.monotonic),
        ],
        "traces": str(
            [sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()]
        ),
        "defaults": [decimal.getcontext().prec, socket.getdefaulttimeout(), len(warnings.filters)],
        "logging": [logging.root.level, logging.root.manager.disable, len(logging.root.handlers)],
        "loop": str(asyncio._get_running_loop()),
    }


def replace_files(which: str) -> int:
    """Put /dev/null in place of the worker's descriptors. Returns the process id."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in worker_descriptors.pipes_to_write() if which == "pipes" else range(3):
        os.dup2(null, descriptor)
    return os.getpid()


def leak_files() -> int:
    """Open files until no more can be opened. Returns the process id."""
    with contextlib.suppress(OSError):
        while True:
            KEPT.append(Path("/dev/null").open())  # noqa: SIM115 - it is a leak
    return os.getpid()


def break_clean_up(folder: str) -> int:
    """Make the clean-up after this run fail, and leave a program running.

    Returns the process id.
    """
    start_program(folder)
    os.chdir = time.tzset = locale.setlocale = None  # type: ignore[assignment]
    os.environ["SPOILT"] = "yes"
    return os.getpid()


def change_user() -> int:
    """Become another user for good. Returns the process id."""
    if os.getuid() == 0:
        os.setresuid(65_534, 65_534, 65_534)
    return os.getpid()


def break_the_claims() -> int:
    """Make each later claim of this process fail. Returns the process id."""
    RunTasks._claim = None  # type: ignore[assignment,method-assign]
    return os.getpid()


def interrupt_itself() -> None:
    """Send its own process the signal by which the worker asks a run to stop."""
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(FOREVER)


def break_json() -> int:
    """Replace the functions of `json`. Returns the process id."""
    json.dumps = json.loads = None  # type: ignore[assignment]
    return os.getpid()


def unlock_files() -> int:
    """Give up every lock of the descriptors that this process inherited. Returns the process id."""
    worker_descriptors.unlock_all()
    return os.getpid()


def garble_pipes() -> int:
    """Write the beginning of a message that never ends into each pipe of the worker.

    Returns the process id.
    """
    worker_descriptors.garble(worker_descriptors.pipes_to_write())
    return os.getpid()


def freeze_the_clocks(seconds: float) -> int:
    """Replace the functions of `time`, as tests do, and work on. Returns the process id."""
    sleep = time.sleep
    time.time = time.monotonic = lambda: 0.0
    time.sleep = lambda _: None  # type: ignore[assignment]
    sleep(seconds)
    return os.getpid()


def wait(folder: str, seconds: float) -> str:
    """Say which process this is, and wait."""
    _leave_pid(folder, "child")
    time.sleep(seconds)
    return "original"


KEPT: list[Any] = []


def lower_limit_for_good() -> int:
    """Lower a hard limit, which only root can raise again. Returns the process id."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    if os.getuid() == 0:
        os.setuid(65_534)
    return os.getpid()


def environment_of_program() -> str:
    """Return the names of the variables that a program sees."""
    return subprocess.run(["env"], capture_output=True, text=True, check=True).stdout


def files_of_program() -> list[str]:
    """Return the descriptors of a program that is started without closing any."""
    listing = subprocess.run(
        ["sh", "-c", "ls /proc/$$/fd"], capture_output=True, text=True, check=True, close_fds=False
    )
    return listing.stdout.split()


def _leave_pid(folder: str, name: str, pid: int | None = None) -> None:
    """Write an id into a file, by default that of this process. Nobody sees a part of the file."""
    unfinished = Path(folder, f"{name}.unfinished")
    unfinished.write_text(str(pid or os.getpid()))
    unfinished.rename(Path(folder, name))


def _wait_for_pid(folder: str, name: str) -> None:
    while not Path(folder, name).exists():
        time.sleep(0.005)
