"""Start the services of a stack, replace those that die or are silent, and stop all of them."""

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
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A process that lived this long did not fail while it started."""
FAILURES_EXPLAINED = 3
"""The reason is shown each time that a service has failed this many times in a row."""
LISTEN_SECONDS = 2.0
SILENCE_SECONDS = 20.0
"""A service without a sign of life for this long is replaced. Heartbeats are sent every 3 s."""
MAX_SILENCE_PER_LOOK_SECONDS = 5.0
"""The most silence that one look adds: a suspended supervisor misses signs of life."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

Start = Callable[[], subprocess.Popen[bytes]]


class ServiceFailed(Exception):
    """A service that the others need ended during its first start."""


@dataclass(frozen=True, kw_only=True)
class LifeSign:
    """The way in which a service shows that it works."""

    shown_by: Callable[[int], bool | None]
    """Take the process id; return False without a sign since the last call, None if unknown.

    A call takes at most 3 s.
    """
    missing: str
    """The missing sign in words for a person, such as "no heartbeat in Redis"."""


@dataclass
class Service:
    """One process of the stack."""

    name: str
    start: Start
    stop_seconds: float
    """Seconds between SIGTERM and SIGKILL."""
    may_be_killed: bool = True
    """True if `end_at_once` kills it. Otherwise it always has its `stop_seconds`."""
    is_ready: Callable[[], bool] | None = None
    """Return whether it has started. The next service is started only then."""
    explain: Callable[[], str] = lambda: ""
    """Return why it ended, and what to do."""
    failures: int = 0
    """Number of failures in a row, each within STEADY_SECONDS of a start."""
    life_sign: LifeSign | None = None
    """None: the service is replaced only if it ends."""
    was_heard: bool = False
    """True if this process has shown a sign of life. Before the first one, silence is ignored."""
    silent_seconds: float = 0.0
    listened_at: float = 0.0
    fault: str = ""
    """The error of the last look for a sign of life, so that it is shown once."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    backoff: float = field(default=FIRST_BACKOFF_SECONDS)
    due_at: float = 0.0


StopOrder = Callable[[Sequence[Service]], Iterable[Sequence[Service]]]


def one_by_one(services: Sequence[Service]) -> Sequence[Sequence[Service]]:
    """Return one group per service, in reverse order: later services need the earlier ones."""
    return [[service] for service in reversed(services)]


class Supervisor:
    """Start the services in order and watch them. Later services need the earlier ones."""

    def __init__(
        self,
        services: Sequence[Service],
        say: Callable[[str], None] = print,
        is_stopped: Callable[[int], bool] = lambda pid: False,
        stop_order: StopOrder = one_by_one,
        *,
        kill_family: Callable[[int], None],
    ) -> None:
        """Take the services and the functions that act on their processes.

        `is_stopped` returns whether a process is stopped until SIGCONT.
        `stop_order` yields groups of services. The services of a group are stopped together; the
        next group is requested when the previous one has ended.
        `kill_family` kills a process and everything that it started.
        """
        self._services = services
        self._say = say
        self._is_stopped = is_stopped
        self._kill_family = kill_family
        self._stop_order = stop_order
        # plain flags: a signal handler could wait for ever for the lock of an Event
        self._stopping = False
        self._at_once = False

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def stop(self) -> None:
        """Stop every service in an orderly way. A signal handler may call this."""
        self._stopping = True

    def end_at_once(self) -> None:
        """Kill every service that may be killed. A signal handler may call this."""
        self._at_once = self._stopping = True

    def start(self) -> None:
        """Start the services in order. Raises ServiceFailed."""
        for service in self._services:
            if self._stopping:
                return
            self._launch(service)
            if service.is_ready is not None:
                self._await(service, service.is_ready)

    def _await(self, service: Service, is_ready: Callable[[], bool]) -> None:
        while not is_ready():
            if service.process is not None and service.process.poll() is not None:
                reason = _reason(service.process.returncode)
                raise ServiceFailed(f"{service.name} cannot start ({reason}):\n{service.explain()}")
            if self._stopping:
                return
            time.sleep(POLL_SECONDS)

    def run(self, each_poll: Callable[[], None] = lambda: None) -> None:
        """Watch the services until `stop`, then stop them all."""
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
        """Start a service. Raises OSError or SubprocessError when the system refuses a process."""
        service.process = service.start()
        service.started_at = service.listened_at = time.monotonic()
        service.was_heard, service.silent_seconds = False, 0.0
        self._say(f"{service.name:<12} started (process {service.process.pid})")

    def _launch_again(self, service: Service) -> None:
        """Start a service that has ended, or say why it cannot be started, and try again later."""
        try:
            self._launch(service)
        except (OSError, subprocess.SubprocessError) as error:
            service.backoff = min(service.backoff * 2, MAX_BACKOFF_SECONDS)
            service.due_at = time.monotonic() + service.backoff
            self._say(f"{service.name:<12} cannot be started ({error}); trying again")

    def _look_after(self, service: Service) -> None:
        now = time.monotonic()
        if service.process is None:
            if now >= service.due_at:
                self._launch_again(service)
        elif service.process.poll() is not None:
            is_steady = now - service.started_at >= STEADY_SECONDS
            service.backoff = (
                FIRST_BACKOFF_SECONDS
                if is_steady
                else min(service.backoff * 2, MAX_BACKOFF_SECONDS)
            )
            service.due_at = now + (0 if is_steady else service.backoff)
            service.failures = 0 if is_steady else service.failures + 1
            self._say(
                f"{service.name:<12} ended ({_reason(service.process.returncode)}); starting it "
                "again"
            )
            if service.failures and service.failures % FAILURES_EXPLAINED == 0:
                self._say(
                    (
                        f"{service.name:<12} failed {service.failures} times in a "
                        f"row\n{service.explain()}"
                    ).rstrip()
                )
            service.process = None
        elif service.life_sign and now - service.listened_at >= LISTEN_SECONDS:
            self._listen(service.process.pid, service, service.life_sign)

    def _listen(self, pid: int, service: Service, sign: LifeSign) -> None:
        """Look for a sign of life. Kill the process after SILENCE_SECONDS without one."""
        stopped, heard = self._look(pid, service, sign)
        now = time.monotonic()
        step, service.listened_at = (
            min(now - service.listened_at, MAX_SILENCE_PER_LOOK_SECONDS),
            now,
        )
        service.was_heard = service.was_heard or heard is True
        silent = stopped or (service.was_heard and heard is False)
        service.silent_seconds = service.silent_seconds + step if silent else 0.0
        if service.silent_seconds >= SILENCE_SECONDS:
            reason = "its process is stopped" if stopped else sign.missing
            self._say(
                f"{service.name:<12} shows no sign of life for {SILENCE_SECONDS:g} s ({reason}); "
                "replacing it"
            )
            self._kill_family(pid)

    def _look(self, pid: int, service: Service, sign: LifeSign) -> tuple[bool, bool | None]:
        """Return whether the process is stopped, and the sign of life."""
        try:
            stopped = self._is_stopped(pid)
            heard = False if stopped else sign.shown_by(pid)
        except Exception as error:  # whatever is wrong with the look, no service ends because of it
            if service.fault != repr(error):
                self._say(f"{service.name:<12} cannot be looked at ({error}); trying again")
            service.fault = repr(error)
            return False, None
        service.fault = ""
        return stopped, heard

    def _end(self, group: Sequence[Service]) -> None:
        """Stop the services together, and kill each one that takes too long."""
        began = time.monotonic()
        waiting = {
            service.name: service.process for service in group if service.process is not None
        }
        for process in waiting.values():
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)  # a stopped process would not receive SIGTERM
        while waiting:
            for service in [service for service in group if service.name in waiting]:
                process = waiting[service.name]
                late = time.monotonic() - began >= service.stop_seconds
                if process.poll() is None and (late or (self._at_once and service.may_be_killed)):
                    self._say(
                        f"{service.name:<12} " + ("does not stop; killing it" if late else "killed")
                    )
                    self._kill_family(process.pid)
                    process.wait()
                if process.poll() is not None:
                    del waiting[service.name]
                    self._say(f"{service.name:<12} stopped")
            if waiting:
                time.sleep(STOP_POLL_SECONDS)


def popen(arguments: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that neither Ctrl-C nor the terminal reaches it.

    On Linux it does not outlive its supervisor. By default its stdin is /dev/null.
    """
    options = {"start_new_session": True, "stdin": subprocess.DEVNULL, **options}
    if sys.platform == "linux":
        options["preexec_fn"] = partial(_end_with, os.getpid())
    return subprocess.Popen(list(arguments), **options)  # type: ignore[call-overload,no-any-return]  # passed through


def _end_with(parent: int) -> None:
    """End this child with its parent, also if the parent died before the call of prctl(2)."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _reason(code: int) -> str:
    """Describe how a process ended. Real-time signals have no names."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
