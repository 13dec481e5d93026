"""Handlers for tests that fork, start programs, and change the process that they run in."""

import locale
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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
    """Start a daemon, by two forks and a session of its own, and work for some seconds more."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _leave_pid(folder, "daemon")
            time.sleep(FOREVER)
        os._exit(0)
    _wait_for_pid(folder, "daemon")
    time.sleep(seconds)
    return "original"


def start_program(folder: str, seconds: float = 0) -> str:
    """Leave a program running that belongs to no session of ours."""
    program = subprocess.Popen(["sleep", str(FOREVER)], start_new_session=True)
    Path(folder, "program").write_text(str(program.pid))
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
        "handlers": [str(signal.getsignal(number)) for number in (signal.SIGALRM, signal.SIGUSR2, signal.SIGTERM)],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    }


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


def _leave_pid(folder: str, name: str) -> None:
    unfinished = Path(folder, f"{name}.unfinished")
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(Path(folder, name))


def _wait_for_pid(folder: str, name: str) -> None:
    while not Path(folder, name).exists():
        time.sleep(0.005)
