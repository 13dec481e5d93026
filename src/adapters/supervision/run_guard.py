"""What a worker's parent does for the runs of its children, in a thread of its own.

Not in the children: a thread in a child sleeps while C code holds the interpreter lock.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from adapters.supervision.child_exit import cause_of
from adapters.supervision.children import Children
from adapters.supervision.descendants import kill_group, kill_with_group
from adapters.supervision.interrupt import STOP_SIGNAL
from adapters.supervision.lease_timer import SELF_KILL_SHARE
from adapters.supervision.linux import is_stopped
from adapters.supervision.node_lock import NodeLock
from adapters.supervision.orphans import Orphans
from application.errors import StoreUnavailable
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.watch_runs import WatchRuns
from domain.task import Task

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 0.5
"""How long a run has to end by itself after it was asked to."""
CUT_OFF_SHARE = 0.4
"""A worker that has not reached the store for this share of a lease was cut off: its children may die of that."""
WAKE_UP_SECONDS = 10.0
"""How long a child may have one wake-up and no run. It claims within milliseconds, and gives the wake-up back within
a second after its last run; more means that it or its pipes are of no use, such as after garbage in them."""

logger = logging.getLogger(__name__)


class RunGuard:
    """Stops runs that are cancelled or out of time, and settles those of dead children and dead workers."""

    def __init__(
        self,
        *,
        children: Children,
        watch: WatchRuns,
        settle: ReleaseRuns,
        node: NodeLock,
        owner_of: Callable[[int], str],
        lease: timedelta,
    ) -> None:
        self._children = children
        self._orphans = Orphans(children)
        self._watch = watch
        self._settle = settle
        self._node = node
        self._owner_of = owner_of
        self._cut_off_seconds = lease.total_seconds() * CUT_OFF_SHARE
        self._renewal_limit = lease.total_seconds() * SELF_KILL_SHARE
        self._stopped_at: dict[int, float] = {}
        """When each child that is stopped was first seen so."""
        self._last_claims: dict[int, int] = {}
        """The run that each child was last seen to hold."""
        self._idle_since: dict[tuple[int, int], float] = {}
        """When each child was first seen to have its wake-up, but no run."""
        self._causes: dict[int, str] = {}
        """Why this guard killed a child."""
        self._working: frozenset[int] = frozenset()
        """The children that were last seen to hold a run."""
        self._reached = time.monotonic()
        self._cut_off = False
        self._asked: dict[int, float] = {}
        self._crashed_owners: dict[str, str] = {}
        """With the cause of each."""
        self._cut_off_owners: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="run-guard", daemon=True)

    @property
    def has_working_child(self) -> bool:
        """True when a child is alive and not stopped. Always True off Linux, where children are not watched."""
        stopped = self._stopped_at
        return not self._children.are_watched or any(pid not in stopped for pid in self._children.living())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.is_set():
            self._children.wait(min(pause, LOOK_SECONDS, self._next_stopped_kill_in()))
            self._cut_off = self._cut_off or self._cut_off_now()
            self._kill_stopped_children()
            self._note_dead_children()
            try:
                self._orphans.end()
                self._settle_dead_children()
                self._kill_children_without_lease()
                pause = self._stop_overdue_runs()
                self._kill_children_that_do_nothing()
                self._settle_dead_workers()
                self._reached = time.monotonic()
                self._cut_off = False
            except StoreUnavailable:
                self._idle_since = {}  # nobody can claim
                pause = PATIENCE_SECONDS
            except Exception:
                logger.exception("The guard of the runs failed; it goes on", extra={"action": "guard_failed"})
                pause = LOOK_SECONDS

    def _cut_off_now(self) -> bool:
        return time.monotonic() - self._reached > self._cut_off_seconds

    def _note_dead_children(self) -> None:
        """A child that died while nobody here reached the store was ended by its lease keeper: no crash."""
        for pid, code in self._children.take_dead().items():
            kill_group(pid)
            self._orphans.expect()
            cause = self._causes.pop(pid, None) or cause_of(code, self._renewal_limit)
            if self._cut_off:
                self._cut_off_owners.add(self._owner_of(pid))
            else:
                self._crashed_owners[self._owner_of(pid)] = cause

    def _kill_stopped_children(self) -> None:
        """Kill each child that has been stopped for as long as it may live without renewing.

        Its own timer has run out by then and would end it on SIGCONT, which may never come.
        """
        now = time.monotonic()
        stopped = filter(is_stopped, self._children.living())
        self._stopped_at = {pid: self._stopped_at.get(pid, now) for pid in stopped}
        for pid, since in self._stopped_at.items():
            if now - since >= self._renewal_limit:
                self._kill(
                    pid,
                    f"The process was stopped (SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU) for {self._renewal_limit:g} s, "
                    "so the worker killed it.",
                )

    def _next_stopped_kill_in(self) -> float:
        """Return the seconds until the first stopped child is to be killed; infinity when none is stopped."""
        since = min(self._stopped_at.values(), default=float("inf"))
        return max(since + self._renewal_limit - time.monotonic(), 0.05)

    def _kill_children_without_lease(self) -> None:
        """Kill each child whose run was given up, since its lease ran out, while the child lives on."""
        pids = {self._owner_of(pid): pid for pid in self._children.living()}
        for lost in self._watch.lost(list(pids)):
            pid = pids[lost.owner]
            if lost.fencing_token == self._last_claims.get(pid):  # else an earlier process had the same id
                self._kill(pid, "It lost its lease, so the worker killed it.")

    def _kill_children_that_do_nothing(self) -> None:
        """Kill each child that has had one wake-up for long and no run: its queue would wait for it for ever."""
        now, living = time.monotonic(), set(self._children.living())
        idle = [each for each in self._children.wake_ups().items() if each[0] in living - self._working]
        self._idle_since = {each: self._idle_since.get(each, now) for each in idle}
        for (pid, _), since in self._idle_since.items():
            if now - since >= WAKE_UP_SECONDS:
                self._kill(pid, f"It has had a wake-up for {WAKE_UP_SECONDS:g} s, but no run, so the worker killed it.")

    def _kill(self, pid: int, cause: str) -> None:
        if pid in self._causes:  # it is about to die
            return
        logger.warning("Killing a child: %s", cause, extra={"action": "child_killed", "pid": pid})
        self._causes[pid] = cause
        kill_with_group(pid)

    def _settle_dead_children(self) -> None:
        """What cannot be settled now stays for the next time."""
        self._tell("The store could not be reached during the run", self._settle.cut_off(list(self._cut_off_owners)))
        self._cut_off_owners = set()
        self._tell("A child died during its run", self._settle.crashed(self._crashed_owners))
        self._crashed_owners = {}

    def _stop_overdue_runs(self) -> float:
        """Answers how many seconds later to look again."""
        now = time.monotonic()
        pids = {self._owner_of(pid): pid for pid in self._children.living()}
        runs = {pids[run.task.owner]: run for run in self._watch.execute(list(pids)) if run.task.owner}
        held = {pid: run.task.fencing_token for pid, run in runs.items()}
        self._working = frozenset(held)
        self._last_claims = {pid: claim for pid, claim in self._last_claims.items() if pid in pids.values()} | held
        overdue = {run.task.fencing_token for run in runs.values() if run.stop_in <= 0}
        self._asked = {claim: at for claim, at in self._asked.items() if claim in overdue}
        pauses = [
            self._press(pid, run.task, now) if run.task.fencing_token in overdue else run.stop_in
            for pid, run in runs.items()
        ]
        return max(min([LOOK_SECONDS, *pauses]), 0.01)

    def _press(self, pid: int, task: Task, now: float) -> float:
        """Asks first, then kills; answers how many seconds later to look again."""
        asked_at = self._asked.setdefault(task.fencing_token, now)
        waited = now - asked_at
        if waited < PATIENCE_SECONDS:
            if waited == 0:
                _request_stop(pid)
            return PATIENCE_SECONDS - waited
        logger.warning(
            "Killing a run that does not stop", extra={"action": "run_killed", "task_id": task.task_id, "pid": pid}
        )
        self._causes[pid] = "The run did not stop when it was asked to, so the worker killed its process."
        kill_with_group(pid)
        return LOOK_SECONDS

    def _settle_dead_workers(self) -> None:
        for incarnation in self._node.dead():
            self._tell("Its worker died", self._settle.crashed_under(f"{incarnation}:"))

    def _tell(self, reason: str, settled: Sequence[Task]) -> None:
        for task in settled:
            logger.warning(
                "Run settled: %s",
                reason,
                extra={
                    "action": "run_settled",
                    "task_id": task.task_id,
                    "type": task.spec.type,
                    "status": task.status,
                    "attempt": task.attempt,
                },
            )


def _request_stop(pid: int) -> None:
    try:
        os.kill(pid, STOP_SIGNAL)
    except ProcessLookupError:
        return
