"""Starts the processes of a stack, starts again what dies or is silent, and ends all of it."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

POLL_SECONDS = 0.1
STOP_POLL_SECONDS = 0.02
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A process that lived this long did not die of its start."""
FAILURES_EXPLAINED = 3
"""A service that failed so often in a row has its reason shown."""
LISTEN_SECONDS = 2.0
SILENCE_SECONDS = 20.0
"""A service without a sign of life for so long is replaced. Workers and maintenance send one every 3 s."""
LONGEST_STEP_SECONDS = 5.0
"""How much silence one look may add: a supervisor that was suspended itself knows nothing of the time between."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

Start = Callable[[], subprocess.Popen[bytes]]


class ServiceFailed(Exception):
    """A service that the others need ended during its first start."""


@dataclass(frozen=True, kw_only=True)
class LifeSign:
    """How a service shows that it works."""

    shown_by: Callable[[int], bool | None]
    """Takes the process id. Returns False without a sign since the last call, None when nobody can know.

    It takes 3 s at most.
    """
    missing: str
    """Tells a person what is missing, such as "no heartbeat in Redis"."""


@dataclass
class Service:
    """One process of the stack."""

    name: str
    start: Start
    stop_seconds: float
    """How long SIGTERM may take before SIGKILL."""
    may_be_killed: bool = True
    """Whether `end_at_once` kills it. Otherwise it always has its `stop_seconds`."""
    answers: Callable[[], bool] | None = None
    """Returns whether it has started. The next service is started only then."""
    explain: Callable[[], str] = lambda: ""
    """Returns why it ended, and what to do."""
    failures: int = 0
    """How often in a row it did not live long."""
    life_sign: LifeSign | None = None
    """None: the service is replaced only when it ends."""
    was_heard: bool = False
    """Whether this process has shown life. Before its first sign it may take any time to start."""
    silent_seconds: float = 0.0
    listened_at: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = field(default=FIRST_PAUSE_SECONDS)
    due_at: float = 0.0


StopOrder = Callable[[Sequence[Service]], Iterable[Sequence[Service]]]


def one_by_one(services: Sequence[Service]) -> Sequence[Sequence[Service]]:
    """Return the services in reverse, each in a group of its own: later services need the earlier ones."""
    return [[service] for service in reversed(services)]


class Supervisor:
    """Later services need the earlier ones: they are started in order."""

    def __init__(
        self,
        services: Sequence[Service],
        say: Callable[[str], None] = print,
        is_stopped: Callable[[int], bool] = lambda pid: False,
        stop_order: StopOrder = one_by_one,
        *,
        kill_family: Callable[[int], None],
    ) -> None:
        """`is_stopped` tells whether a process stands still until SIGCONT.

        `stop_order` returns the groups of services that are stopped one after the other, those of a group together.
        It is asked for the next group when the one before has ended.
        `kill_family` kills a process and all that it started.
        """
        self._services = services
        self._say = say
        self._is_stopped = is_stopped
        self._kill_family = kill_family
        self._stop_order = stop_order
        # plain flags: a signal handler may interrupt the holder of an Event's lock, and would wait for it for ever
        self._stopping = False
        self._at_once = False

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def stop(self) -> None:
        """Let every service end in an orderly way. A signal handler may call this."""
        self._stopping = True

    def end_at_once(self) -> None:
        """Kill what may be killed, now or when `stop` was called. A signal handler may call this."""
        self._at_once = self._stopping = True

    def start(self) -> None:
        """Raises ServiceFailed."""
        for service in self._services:
            if self._stopping:
                return
            self._launch(service)
            if service.answers is not None:
                self._await(service, service.answers)

    def _await(self, service: Service, answers: Callable[[], bool]) -> None:
        while not answers():
            if service.process is not None and service.process.poll() is not None:
                reason = _reason(service.process.returncode)
                raise ServiceFailed(f"{service.name} cannot start ({reason}):\n{service.explain()}")
            if self._stopping:
                return
            time.sleep(POLL_SECONDS)

    def run(self, each_poll: Callable[[], None] = lambda: None) -> None:
        """Until `stop`; then everything has ended."""
        try:
            while not self._stopping:
                for service in self._services:
                    self._look_after(service)
                each_poll()
                time.sleep(POLL_SECONDS)
        finally:
            self.end_all()

    def end_all(self) -> None:
        for group in self._stop_order(self._services):
            self._end(group)

    def _launch(self, service: Service) -> None:
        service.process = service.start()
        service.started_at = service.listened_at = time.monotonic()
        service.was_heard, service.silent_seconds = False, 0.0
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
        elif service.life_sign and now - service.listened_at >= LISTEN_SECONDS:
            self._listen(service.process.pid, service, service.life_sign)

    def _listen(self, pid: int, service: Service, sign: LifeSign) -> None:
        """Look for a sign of life. Kill the process, so that it is started again, after SILENCE_SECONDS without."""
        stopped = self._is_stopped(pid)
        heard = False if stopped else sign.shown_by(pid)
        now = time.monotonic()
        step, service.listened_at = min(now - service.listened_at, LONGEST_STEP_SECONDS), now
        service.was_heard = service.was_heard or heard is True
        silent = stopped or (service.was_heard and heard is False)
        service.silent_seconds = service.silent_seconds + step if silent else 0.0
        if service.silent_seconds >= SILENCE_SECONDS:
            reason = "its process is stopped" if stopped else sign.missing
            self._say(f"{service.name:<12} shows no sign of life for {SILENCE_SECONDS:g} s ({reason}); replacing it")
            self._kill_family(pid)

    def _end(self, group: Sequence[Service]) -> None:
        """Stop the services side by side; kill each one that takes too long."""
        began = time.monotonic()
        waiting = {service.name: service.process for service in group if service.process is not None}
        for process in waiting.values():
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)  # a stopped process would not see the other
        while waiting:
            for service in [service for service in group if service.name in waiting]:
                process = waiting[service.name]
                late = time.monotonic() - began >= service.stop_seconds
                if process.poll() is None and (late or (self._at_once and service.may_be_killed)):
                    self._say(f"{service.name:<12} " + ("does not stop; killing it" if late else "killed"))
                    self._kill_family(process.pid)
                    process.wait()
                if process.poll() is not None:
                    del waiting[service.name]
                    self._say(f"{service.name:<12} stopped")
            if waiting:
                time.sleep(STOP_POLL_SECONDS)


def popen(arguments: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that neither Ctrl-C nor the terminal reaches it.

    On Linux it does not outlive its supervisor. Its stdin is /dev/null unless the options say otherwise.
    """
    options = {"start_new_session": True, "stdin": subprocess.DEVNULL, **options}
    if sys.platform == "linux":
        options["preexec_fn"] = partial(_end_with, os.getpid())
    return subprocess.Popen(list(arguments), **options)  # type: ignore[call-overload,no-any-return]  # passed through


def _end_with(parent: int) -> None:
    """In the child: prctl(2) says nothing of a parent that died before it was asked to."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
