"""Looks after the process of the I/O pool, in a thread of the worker's parent: starts it, ends it
when nothing inside can, and ends the runs of a dead one.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from adapters.io_pool.board import PULSE, STEP, TAKEN, Board
from adapters.io_pool.held_time import HeldTime
from adapters.io_pool.process import LEAVE, WAKE
from adapters.io_pool.process_watch import ProcessWatch
from adapters.supervision.child_exit import cause_of
from adapters.supervision.descendants import kill_group, kill_with_group
from adapters.supervision.linux import (
    adopt_orphans,
    die_with_parent,
    is_stopped,
    waited_seconds,
)
from application.errors import StoreUnavailable
from application.owners import slot_owner
from application.use_cases.worker.release_runs import ReleaseRuns
from domain.task import Task

LOOK_SECONDS, REST_SECONDS = 0.1, 0.5
"""Pause between two looks at the board with and without runs. A death is seen at once."""
MAX_HELD_SECONDS = 2.0
"""A run that has the loop for so long, although it was interrupted after one second, is in C code
that does not return."""
MAX_SILENT_SECONDS = 4.0
RETRY_SECONDS = 0.5
STEADY_SECONDS = 10.0
"""A process that dies sooner is replaced after a pause."""
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 5.0

logger = logging.getLogger(__name__)

RunPool = Callable[[str, Board, int, Sequence[str]], None]
"""Runs the pool in the process that was forked. Takes <worker>:<pid>, the board, the end of the
pipe that is read, and the types that must not run there."""


class IoSupervisor:
    def __init__(
        self,
        *,
        run_pool: RunPool,
        slots: int,
        owner_of: Callable[[int], str],
        release: ReleaseRuns,
        is_cut_off: Callable[[], bool],
        spare: Callable[[int], None],
        renewal_limit: float,
    ) -> None:
        """`owner_of` returns <worker>:<pid>. `is_cut_off` says whether the store could not be
        reached for so long that processes may have died of it. `spare` is told the id of each
        process that is no orphan. `renewal_limit`: the seconds that a run may go on unrenewed."""
        self._run_pool = run_pool
        self._owner_of = owner_of
        self._release = release
        self._is_cut_off = is_cut_off
        self._spare = spare
        self._renewal_limit = renewal_limit
        self._board = Board(slots)
        self._barred_types: set[str] = set()
        self._pid = 0
        self._wake_end = -1
        self._lock = threading.Lock()
        self._is_killed = False
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="io-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """True while the process is there."""
        return self._wake_end >= 0

    @property
    def has_room(self) -> bool:
        """True if the process is there and has a free slot."""
        return self._wake_end >= 0 and self._board.has_room

    def wake(self) -> None:
        """Have the process look for tasks."""
        self._write(WAKE)

    def leave(self) -> None:
        """Claim nothing more. The process ends with its last run."""
        self._leaving.set()
        self._write(LEAVE)

    def kill(self) -> None:
        """End the process. The caller hands back its runs."""
        with self._lock:
            self._is_killed = True
            self._leaving.set()
            if self._pid:
                kill_with_group(self._pid)

    def wait(self) -> None:
        """Return when the process has ended for good. Call `leave` or `kill` before."""
        if self._thread.is_alive():
            self._thread.join()

    def _write(self, what: bytes) -> None:
        with self._lock, suppress(OSError):
            if self._wake_end >= 0:
                os.write(self._wake_end, what)

    def _run(self) -> None:
        """Start the process again and again. The kernel ends it together with this thread."""
        pause = MIN_PAUSE_SECONDS
        while not self._leaving.is_set():
            began = time.monotonic()
            try:
                process = self._start()
                settle = self._live(self._pid, process)
                if not self._is_killed:
                    self._settle(settle)
            except Exception:
                logger.exception("The I/O pool failed", extra={"action": "io_pool_failed"})
            if time.monotonic() - began >= STEADY_SECONDS:
                pause = MIN_PAUSE_SECONDS
            self._leaving.wait(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _start(self) -> str:
        """Fork the process. Returns <worker>:<pid>."""
        self._board.clear()
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        try:
            pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            os.close(writing)
            self._be_the_process(reading)
        os.close(reading)
        self._spare(pid)
        with self._lock:
            self._pid, self._wake_end = pid, writing
        if self._leaving.is_set():
            self._write(LEAVE)
        return self._owner_of(pid)

    def _be_the_process(self, reading: int) -> None:
        """Run the pool in the forked process, and end it."""
        code = 1
        try:
            parent = os.getppid()
            die_with_parent()
            os.setsid()
            adopt_orphans()
            if os.getppid() == parent:  # else the parent died before die_with_parent
                name = self._owner_of(os.getpid())
                self._run_pool(name, self._board, reading, sorted(self._barred_types))
                code = 0
        except BaseException:
            logger.exception("The process of the I/O pool failed", extra={"action": "io_failed"})
        finally:
            os._exit(code)

    def _live(self, pid: int, process: str) -> Callable[[], Sequence[Task]]:
        """Wait until the process is dead. Returns a function that ends its runs."""
        watch = ProcessWatch(pid)
        step_held, silence = (HeldTime(partial(waited_seconds, pid)) for _ in range(2))
        stopped = HeldTime(lambda: 0.0)
        killed: tuple[int | None] | None = None
        while (code := watch.wait(self._pause)) is None:
            step = self._board.words[STEP], self._board.on_loop
            held_seconds = step_held.look(step) if self._board.on_loop is not None else 0.0
            silent_seconds = silence.look(self._board.words[PULSE])
            is_stuck = stopped.look(is_stopped(pid)) > self._renewal_limit and is_stopped(pid)
            if killed is None and (is_stuck or self._must_die(held_seconds, silent_seconds)):
                killed = (self._guilty(held_seconds),)
                extra = {"action": "io_killed", "slot": killed[0]}
                logger.warning("Killing the I/O process: a run lets no other run", extra=extra)
                kill_with_group(pid)
        with self._lock:
            os.close(self._wake_end)
            self._pid, self._wake_end = 0, -1
        kill_group(pid)
        return self._ending(process, code, killed)

    @property
    def _pause(self) -> float:
        return LOOK_SECONDS if self._board.words[TAKEN] else REST_SECONDS

    def _must_die(self, held_seconds: float, silent_seconds: float) -> bool:
        is_silent = self._board.words[PULSE] != 0 and silent_seconds > MAX_SILENT_SECONDS
        return self._board.overdue() is not None or is_silent or held_seconds > MAX_HELD_SECONDS

    def _guilty(self, held_seconds: float) -> int | None:
        """Return the slot of the run that lets no other run; None if it is not known."""
        has_loop = self._board.on_loop if held_seconds > LOOK_SECONDS else None
        return has_loop if has_loop is not None else self._board.overdue()

    def _ending(
        self, process: str, code: int, killed: tuple[int | None] | None
    ) -> Callable[[], Sequence[Task]]:
        """Return a function that ends the runs of a dead process, by how it died."""
        on_loop = self._board.on_loop
        level = logging.INFO if code == 0 else logging.WARNING
        extra = {"action": "io_process_ended", "code": code, "slot_on_loop": on_loop}
        logger.log(level, "The I/O process ended", extra=extra)
        release, cause = self._release, cause_of(code, self._renewal_limit)
        if killed is not None:
            guilty = slot_owner(process, killed[0]) if killed[0] is not None else None
            cause = "It let no other run of its process go on, so the worker killed the process."
            return lambda: self._bar(release.blocked_together(process, guilty, cause), guilty)
        if self._is_cut_off():
            return lambda: release.stopped_under(f"{process}.")
        owner = slot_owner(process, on_loop) if on_loop is not None else None
        if code == -signal.SIGALRM:
            return lambda: self._bar(release.blocked_together(process, owner, cause), owner)
        return lambda: release.crashed_together(process, owner, cause)

    def _bar(self, tasks: Sequence[Task], guilty: str | None) -> Sequence[Task]:
        """Run the type of the guilty task, the first one, in this pool no more."""
        if guilty is not None and tasks:
            self._barred_types.add(tasks[0].spec.type)
        return tasks

    def _settle(self, settle: Callable[[], Sequence[Task]]) -> None:
        """End the runs of a dead process. Repeats that until the store replies."""
        while not self._is_killed:
            try:
                tasks = settle()
            except StoreUnavailable:
                time.sleep(RETRY_SECONDS)
                continue
            for task in tasks:
                extra = {"action": "run_settled", "task_id": task.task_id, "status": task.status}
                logger.warning("Released a run: the I/O process died", extra=extra)
            return
