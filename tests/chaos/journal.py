"""The record of executions: workers append lines; a thread reads them and watches the workers."""

import json
import os
import select
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.chaos.background import Background
from tests.integration.waiting import wait_until

JOURNAL = "CHAOS_JOURNAL"
TICK_SECONDS = 0.005


def write_line(descriptor: int, event: str, **members: Any) -> None:
    """Append a line in one write. With O_APPEND, lines of many processes never mix."""
    line = {"event": event, "pid": os.getpid(), "t": time.monotonic(), **members}
    os.write(descriptor, json.dumps(line).encode() + b"\n")


@dataclass(eq=False, kw_only=True)
class Life:
    """One process, from its `child` line to its death. Process ids are used again."""

    pid: int
    died: float | None = None
    """Time at which its death was seen."""
    stopped: list[tuple[float, float]] = field(default_factory=list)
    """From SIGSTOP to SIGCONT."""
    last_line: float = 0.0


@dataclass(eq=False, kw_only=True)
class Execution:
    task_id: str
    fencing_token: int
    attempt: int
    started: float
    life: Life
    ended: float | None = None
    """By its end line, or when its process started other work."""
    how: str = ""
    """`returned` or `raised`; empty while it runs and when it was killed."""

    @property
    def over(self) -> float:
        """The moment by which it had certainly ended; infinity while that is not known."""
        known = [moment for moment in (self.ended, self.life.died) if moment is not None]
        return min(known, default=float("inf"))

    def open_times(self) -> list[tuple[float, float]]:
        """Return when it ran. A stopped process runs nothing.

        The time after SIGCONT counts only when a line shows that the process did something then. It
        may be killed before its first instruction, and its death is seen a moment later.
        """
        times, begin = [], self.started
        for stop, go in self.life.stopped:
            if begin <= stop < self.over:
                times.append((begin, stop))
                begin = go
                if self.life.last_line <= go:
                    return times
        return [*times, (begin, max(self.over, begin))]


class Journal(Background):
    """Follow the file in a thread of its own for as long as the context is entered."""

    def __init__(self, path: Path) -> None:
        super().__init__([self._follow])
        self.path = path
        self.executions: dict[str, list[Execution]] = defaultdict(list)
        self.lives: list[Life] = []
        self._by_pid: dict[int, Life] = {}
        self._open: dict[Life, Execution] = {}
        self._descriptors: dict[int, Life] = {}
        self._poller = select.poll()

    def __enter__(self) -> Self:
        self.path.touch()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            for descriptor in self._descriptors:
                os.close(descriptor)

    def all(self) -> list[Execution]:
        return [run for runs in list(self.executions.values()) for run in list(runs)]

    def of(self, task_id: str) -> list[Execution]:
        """Return the executions of a task in the order of their start lines."""
        return list(self.executions.get(task_id, ()))

    def wait_start(
        self, task_id: str, *, nth: int = 1, after: float = 0.0, seconds: float = 20
    ) -> Execution:
        """Wait for the nth execution of the task that starts after that moment. Returns it."""

        def found() -> Execution | None:
            later = [run for run in self.of(task_id) if run.started > after]
            return later[nth - 1] if len(later) >= nth else None

        run = wait_until(found, seconds, every=0.003)
        assert run is not None
        return run

    def wait_death(self, life: Life, seconds: float) -> float:
        wait_until(lambda: life.died is not None, seconds, every=0.003)
        assert life.died is not None
        return life.died

    def first_start(self, *, after: float, seconds: float) -> float:
        """Wait for an execution of any task after that moment. Returns when the first one began."""

        def found() -> float | None:
            return min((run.started for run in self.all() if run.started > after), default=None)

        moment = wait_until(found, seconds, every=0.01)
        assert moment is not None
        return moment

    def _follow(self, ended: threading.Event) -> None:
        rest = b""
        with self.path.open("rb", buffering=0) as file:
            while not ended.is_set():
                data = file.read(1 << 20)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take(json.loads(line))
                for descriptor, _ in self._poller.poll(0 if data else TICK_SECONDS * 1000):
                    self._bury(descriptor)
                if not data and not self._descriptors:
                    ended.wait(TICK_SECONDS)

    def _take(self, line: dict[str, Any]) -> None:
        pid, event, moment = line["pid"], line["event"], line["t"]
        if event == "child":
            self._born(pid)
            return
        life = self._by_pid[pid]
        life.last_line = moment
        if event == "start":
            if (before := self._open.get(life)) and before.ended is None:
                before.ended = moment
            run = Execution(
                task_id=line["task_id"],
                fencing_token=line["claim"],
                attempt=line["attempt"],
                started=moment,
                life=life,
            )
            self._open[life] = run
            self.executions[run.task_id].append(run)
        elif event == "end":
            run = self._open[life]
            run.ended, run.how = moment, line["how"]

    def _born(self, pid: int) -> None:
        life = Life(pid=pid)
        self._by_pid[pid] = life
        self.lives.append(life)
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            life.died = time.monotonic()
            return
        self._descriptors[descriptor] = life
        self._poller.register(descriptor, select.POLLIN)

    def _bury(self, descriptor: int) -> None:
        life = self._descriptors.pop(descriptor)
        life.died = time.monotonic()
        self._poller.unregister(descriptor)
        os.close(descriptor)
