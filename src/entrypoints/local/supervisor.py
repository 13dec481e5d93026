"""Starts the processes of a stack, starts again what dies, and ends all of it."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

POLL_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A process that lived this long did not die of its start."""
FAILURES_EXPLAINED = 3
"""A service that failed so often in a row has its reason shown."""
PR_SET_PDEATHSIG = 1

Start = Callable[[], subprocess.Popen[bytes]]


class ServiceFailed(Exception):
    """A service that the others need ended during its first start."""


@dataclass
class Service:
    """One process of the stack."""

    name: str
    start: Start
    stop_seconds: float
    """How long SIGTERM may take before SIGKILL."""
    answers: Callable[[], bool] | None = None
    """Returns whether it has started. The next service is started only then."""
    explain: Callable[[], str] = lambda: ""
    """Returns why it ended, and what to do."""
    failures: int = 0
    """How often in a row it did not live long."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = field(default=FIRST_PAUSE_SECONDS)
    due_at: float = 0.0


class Supervisor:
    """Later services need the earlier ones: they are started in order and stopped in reverse."""

    def __init__(self, services: Sequence[Service], say: Callable[[str], None] = print) -> None:
        self._services = services
        self._say = say
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def start(self) -> None:
        """Raises ServiceFailed."""
        for service in self._services:
            if self._stopping.is_set():
                return
            self._launch(service)
            if service.answers is not None:
                self._await(service, service.answers)

    def _await(self, service: Service, answers: Callable[[], bool]) -> None:
        while not answers():
            if service.process is not None and service.process.poll() is not None:
                reason = _reason(service.process.returncode)
                raise ServiceFailed(f"{service.name} cannot start ({reason}):\n{service.explain()}")
            if self._stopping.wait(POLL_SECONDS):
                return

    def run(self, each_poll: Callable[[], None] = lambda: None) -> None:
        """Until `stop`; then everything has ended."""
        try:
            while not self._stopping.wait(POLL_SECONDS):
                for service in self._services:
                    self._look_after(service)
                each_poll()
        finally:
            self.end_all()

    def end_all(self) -> None:
        for service in reversed(self._services):
            self._end(service)

    def _launch(self, service: Service) -> None:
        service.process = service.start()
        service.started_at = time.monotonic()
        self._say(f"{service.name:<12} started (process {service.process.pid})")

    def _look_after(self, service: Service) -> None:
        now = time.monotonic()
        if service.process is None:
            if now >= service.due_at:
                self._launch(service)
        elif service.process.poll() is not None:
            steady = now - service.started_at >= STEADY_SECONDS
            service.pause = FIRST_PAUSE_SECONDS if steady else min(service.pause * 2, LONGEST_PAUSE_SECONDS)
            service.due_at = now + (0 if steady else service.pause)
            service.failures = 0 if steady else service.failures + 1
            self._say(f"{service.name:<12} ended ({_reason(service.process.returncode)}); starting it again")
            if service.failures and service.failures % FAILURES_EXPLAINED == 0:
                self._say(f"{service.name:<12} failed {service.failures} times in a row\n{service.explain()}".rstrip())
            service.process = None

    def _end(self, service: Service) -> None:
        process = service.process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(service.stop_seconds)
        except subprocess.TimeoutExpired:
            self._say(f"{service.name:<12} does not stop; killing it")
            process.kill()
            process.wait()
        self._say(f"{service.name:<12} stopped")


def popen(arguments: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
    """A process that Ctrl-C does not reach, and that on Linux does not outlive its supervisor."""
    options.setdefault("process_group", 0)
    if sys.platform == "linux":
        options["preexec_fn"] = partial(_end_with, os.getpid())
    return subprocess.Popen(list(arguments), **options)  # type: ignore[call-overload,no-any-return]  # passed through


def _end_with(parent: int) -> None:
    """In the child: prctl(2) says nothing of a parent that died before it was asked to."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
