"""Guards the runs of a worker's children, in a thread of the worker's parent.

A thread in a child would not do: it stands still while C code holds the interpreter lock.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from adapters.supervision.child_exit import cause_of
from adapters.supervision.children import Children
from adapters.supervision.descendants import kill_group, kill_with_group
from adapters.supervision.idle_children import IdleChildren
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
"""Longest pause between two looks."""
PATIENCE_SECONDS = 0.5
"""Time for which a run may go on after it was asked to stop."""
CUT_OFF_SHARE = 0.4
"""Share of a lease.

A worker that has not reached the store for so long is cut off, and its children may die of that.
"""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class RunGuard:
    """Stops runs that are cancelled or out of time, and ends the runs of dead children and
    workers."""

    def __init__(
        self,
        *,
        children: Children,
        watch: WatchRuns,
        release: ReleaseRuns,
        node: NodeLock,
        owner_of: Callable[[int], str],
        lease: timedelta,
        require_store: Callable[[], None] = lambda: None,
    ) -> None:
        """`owner_of` returns the owner name of a process id.

        `require_store` raises StoreUnavailable while the store can be reached, but the children
        cannot renew their leases.
        """
        self._children = children
        self._orphans = Orphans(children)
        self._watch = watch
        self._release = release
        self._node = node
        self._owner_of = owner_of
        self._require_store = require_store
        self._cut_off_seconds = lease.total_seconds() * CUT_OFF_SHARE
        self._renewal_limit = lease.total_seconds() * SELF_KILL_SHARE
        self._stopped_since: dict[int, float] = {}
        """Time at which each stopped child (state T) was first seen, by process id."""
        self._idle_children = IdleChildren()
        self._stop_requested_at: dict[int, float] = {}
        """Time at which each overdue run was asked to stop, by fencing token."""
        self._last_tokens: dict[int, int] = {}
        """The fencing token of the run that each child was last seen to hold."""
        self._working: frozenset[int] = frozenset()
        """The children that held a run at the last look."""
        self._kill_causes: dict[int, str] = {}
        """Reason why this guard killed each child that is not seen dead yet, by process id."""
        self._crashed_owners: dict[str, str] = {}
        """Dead children whose runs are not ended yet, with the cause of each death."""
        self._cut_off_owners: set[str] = set()
        """Dead children whose runs are not handed back yet."""
        self._reached_at = time.monotonic()
        self._is_cut_off = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="run-guard", daemon=True)

    @property
    def is_alive(self) -> bool:
        """True while its thread looks after the runs."""
        return self._thread.is_alive()

    @property
    def has_working_child(self) -> bool:
        """True if a child is alive and not stopped, and off Linux, where no child is watched."""
        stopped = self._stopped_since
        living = self._children.living()
        return not self._children.are_watched or any(pid not in stopped for pid in living)

    @property
    def is_cut_off(self) -> bool:
        """True if the store was not reached for so long that processes may have died of it."""
        silent_for = time.monotonic() - self._reached_at
        return self._is_cut_off or silent_for > self._cut_off_seconds

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and return when it has ended."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.is_set():
            try:
                self._children.wait(min(pause, LOOK_SECONDS, self._next_stopped_kill_in()))
                self._is_cut_off = self.is_cut_off
                self._attempt(self._kill_stopped_children)
                self._classify_dead_children()
                pause = self._look()
                self._reached_at = time.monotonic()
                self._is_cut_off = False
            except StoreUnavailable:
                self._idle_children.forget()  # no child can claim now
                pause = PATIENCE_SECONDS
            except Exception:
                _log_failure()
                self._ended.wait(LOOK_SECONDS)

    def _look(self) -> float:
        """Do everything that a look is for, and return the seconds until the next one.

        A step that fails holds up no other. Raises StoreUnavailable.
        """
        self._require_store()
        self._attempt(self._orphans.end)
        self._attempt(self._release_runs_of_dead_children)
        self._attempt(self._kill_children_without_lease)
        pause = self._attempt(self._stop_overdue_runs)
        self._attempt(self._kill_idle_children)
        self._attempt(self._release_runs_of_dead_workers)
        return LOOK_SECONDS if pause is None else pause

    def _attempt(self, step: Callable[[], T]) -> T | None:
        """Return what the step returns, or None when it fails. Raises StoreUnavailable."""
        try:
            return step()
        except StoreUnavailable:
            raise
        except Exception:
            _log_failure()
            return None

    def _classify_dead_children(self) -> None:
        """Classify each dead child as cut off or as crashed.

        A child that died while the store was unreachable ended itself, which is no crash.
        """
        for pid, code in self._children.take_dead().items():
            kill_group(pid)
            self._orphans.start_search()
            cause = self._kill_causes.pop(pid, None) or cause_of(code, self._renewal_limit)
            if self._is_cut_off:
                self._cut_off_owners.add(self._owner_of(pid))
            else:
                self._crashed_owners[self._owner_of(pid)] = cause

    def _kill_stopped_children(self) -> None:
        """Kill each child that has been stopped for as long as it may live without renewing.

        Its own timer has run out by then and would end it on SIGCONT, which may never come.
        """
        now = time.monotonic()
        stopped = filter(is_stopped, self._children.living())
        self._stopped_since = {pid: self._stopped_since.get(pid, now) for pid in stopped}
        for pid, since in self._stopped_since.items():
            if now - since >= self._renewal_limit:
                self._kill(
                    pid,
                    "The process was stopped (SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU) for "
                    f"{self._renewal_limit:g} s, so the worker killed it.",
                )

    def _next_stopped_kill_in(self) -> float:
        """Return the seconds until a stopped child is to be killed; infinity if none is stopped."""
        since = min(self._stopped_since.values(), default=float("inf"))
        return max(since + self._renewal_limit - time.monotonic(), 0.05)

    def _kill_children_without_lease(self) -> None:
        """Kill each child that lives on though its lease ran out and its run was given up."""
        pids = {self._owner_of(pid): pid for pid in self._children.living()}
        for lost in self._watch.lost(list(pids)):
            pid = pids[lost.owner]
            if lost.fencing_token == self._last_tokens.get(
                pid
            ):  # else an earlier process had this id
                self._kill(pid, "It lost its lease, so the worker killed it.")

    def _kill_idle_children(self) -> None:
        """Kill each child that has held one wake-up for long and no run: its queue waits for it."""
        usable = set(self._children.living()) - self._working
        idle = [wake_up for wake_up in self._children.wake_ups().items() if wake_up[0] in usable]
        for pid, seconds in self._idle_children.unusable(idle, time.monotonic()).items():
            self._kill(
                pid,
                f"It has had a wake-up for {seconds:.0f} s, but no run, so the worker killed it.",
            )

    def _kill(self, pid: int, cause: str) -> None:
        if pid in self._kill_causes:  # killed already, and about to die
            return
        logger.warning("Killing a child: %s", cause, extra={"action": "child_killed", "pid": pid})
        self._kill_causes[pid] = cause
        kill_with_group(pid)

    def _release_runs_of_dead_children(self) -> None:
        """End the runs of dead children. They stay noted if the store is unavailable."""
        handed_back = self._release.cut_off(list(self._cut_off_owners))
        _log_released("The store could not be reached during the run", handed_back)
        self._cut_off_owners = set()
        lost = self._release.crashed(self._crashed_owners)
        _log_released("A child died during its run", lost)
        self._crashed_owners = {}

    def _stop_overdue_runs(self) -> float:
        """Ask each overdue run to stop, and kill it if it does not.

        Returns the seconds until the next look.
        """
        now = time.monotonic()
        pids = {self._owner_of(pid): pid for pid in self._children.living()}
        watched = self._watch.execute(list(pids))
        runs = {pids[run.task.owner]: run for run in watched if run.task.owner}
        held = {pid: run.task.fencing_token for pid, run in runs.items()}
        self._working = frozenset(held)
        earlier = {pid: token for pid, token in self._last_tokens.items() if pid in pids.values()}
        self._last_tokens = earlier | held
        overdue = {run.task.fencing_token for run in runs.values() if run.stop_in <= 0}
        self._stop_requested_at = {
            token: at for token, at in self._stop_requested_at.items() if token in overdue
        }
        pauses = [
            self._stop_or_kill(pid, run.task, now)
            if run.task.fencing_token in overdue
            else run.stop_in
            for pid, run in runs.items()
        ]
        return max(min([LOOK_SECONDS, *pauses]), 0.01)

    def _stop_or_kill(self, pid: int, run: Task, now: float) -> float:
        """Ask the run to stop, then kill it. Returns after how many seconds to look again."""
        waited = now - self._stop_requested_at.setdefault(run.fencing_token, now)
        if waited == 0:
            with suppress(ProcessLookupError):
                os.kill(pid, STOP_SIGNAL)
        if waited < PATIENCE_SECONDS:
            return PATIENCE_SECONDS - waited
        logger.warning(
            "Killing a run that does not stop",
            extra={"action": "run_killed", "task_id": run.task_id, "pid": pid},
        )
        self._kill_causes[pid] = (
            "The run did not stop when it was asked to, so the worker killed its process."
        )
        kill_with_group(pid)
        return LOOK_SECONDS

    def _release_runs_of_dead_workers(self) -> None:
        for incarnation in self._node.dead():
            lost = self._release.crashed_under(f"{incarnation}:")
            _log_released("Its worker died", lost)


def _log_failure() -> None:
    extra = {"action": "guard_failed"}
    logger.exception("The run guard failed and will try again", extra=extra)


def _log_released(reason: str, tasks: Sequence[Task]) -> None:
    for task in tasks:
        logger.warning(
            "Released a run: %s",
            reason,
            extra={
                "action": "run_settled",
                "task_id": task.task_id,
                "type": task.spec.type,
                "status": task.status,
                "attempt": task.attempt,
            },
        )
