"""Run many tasks of some queues at a time in one process: claim, renew, finish.

What runs them is not known here: the caller gets the runs that begin, and returns their ends.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from application.errors import RunStillHeld
from application.owners import slot_of
from application.ports.clock import Clock
from application.ports.lease_alarm import LeaseAlarm
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change
from application.run_end_text import failure_line
from application.run_outcome import RunEnd, RunOutcome, Stopped
from application.use_cases.worker.finish_run import FinishRun, log_end
from application.use_cases.worker.run_slots import Slot, Slots
from domain.task import Task

MAX_CLAIMS_AT_ONCE = 16
MAX_ENDS_AT_ONCE = 64

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What the latest renewal of all leases told about runs."""

    lost: Sequence[Task]
    """Another claim holds these. Their work must end, and its result is refused."""
    to_stop: Sequence[Task]
    """Cancel requests want the end of these."""


class RunTogether:
    """One instance per process; one thread calls it.

    A lease begins when its claim is sent. The alarm knows the oldest lease at any time, also those
    of claims and ends whose replies were lost.
    """

    def __init__(
        self,
        *,
        leases: TaskLeases,
        finish_run: FinishRun,
        alarm: LeaseAlarm,
        clock: Clock,
        process: str,
        slots: int,
        queues: Sequence[str],
    ) -> None:
        """`process` is <worker>:<pid>; no other process ever had that name."""
        self._leases = leases
        self._finish_run = finish_run
        self._clock = clock
        self._slots = Slots(process, slots, alarm)
        self._claim_ids = map(str, count(1))
        self._queues = list(queues)
        self._promising: set[str] = set()
        """Queues in which tasks may wait."""
        self._begun: list[Task] = []
        """Runs that were granted in a turn that failed afterwards."""

    @property
    def taken(self) -> int:
        """Number of slots with a run, or with a claim that may have been granted."""
        return self._slots.taken

    @property
    def may_claim(self) -> bool:
        """True if a slot is free and tasks may wait."""
        return bool(self._promising and self._slots.free)

    @property
    def has_unsaved(self) -> bool:
        """True if another turn must follow: an end is not saved, or a reply has not come."""
        return bool(self._slots.ending or self._slots.claiming or self._begun)

    def wake(self) -> None:
        """Take note that tasks may wait in any queue."""
        self._promising.update(self._queues)

    def end(self, run: Task, outcome: RunOutcome) -> None:
        """Take note that a run has ended. The next turn saves it."""
        slot = self._slot_of(run)
        if slot is not None and slot.end is None:
            slot.end = RunEnd(run, outcome, at=self._time(slot))

    def turn(self, *, claim: bool) -> Sequence[Task]:
        """Save the ends and claim what waits, in one round trip. Returns the runs that begin.

        Raises StoreUnavailable. Nothing is forgotten then: call again.
        """
        if claim and not self._slots.claiming:
            self._draw_claims()
        ending, claiming = self._slots.ending[:MAX_ENDS_AT_ONCE], self._slots.claiming
        if ending or claiming:
            self._exchange(ending, claiming)
        begun, self._begun = self._begun, []
        return begun

    def _exchange(self, ending: Sequence[Slot], claiming: Sequence[Slot]) -> None:
        sent = self._clock.monotonic()
        self._slots.set_alarm(sent)
        changes = [self._change(slot) for slot in ending]
        saved, replies = self._leases.finish_and_claim_many(
            [change for change in changes if change],
            [slot.claim for slot in claiming if slot.claim],
        )
        outcomes = iter(saved)
        for slot, reply in zip(claiming, replies, strict=True):
            if run := self._granted(slot, reply, sent):
                self._begun.append(run)
        self._slots.set_alarm()
        for slot, change in zip(ending, changes, strict=True):
            self._finish(slot, change, is_saved=change is not None and next(outcomes))

    def renew(self) -> Orders:
        """Renew all leases in one round trip. Raises StoreUnavailable."""
        held = self._slots.held
        sent = self._clock.monotonic()
        renewals = self._leases.renew_each([slot.run for slot in held if slot.run])
        lost = {run.task_id for run in renewals.lost}
        for slot in held:
            if slot.run and slot.run.task_id not in lost:
                slot.renewed_at = sent
        self._slots.set_alarm()
        return Orders(lost=renewals.lost, to_stop=renewals.to_stop)

    def _draw_claims(self) -> None:
        """Draw claims from each queue in turn, so that none waits for the others."""
        queues = [queue for queue in self._queues if queue in self._promising]
        if not queues:
            return
        for number in range(min(MAX_CLAIMS_AT_ONCE, len(self._slots.free))):
            self._slots.draw(queues[number % len(queues)], next(self._claim_ids))
        self._queues.append(self._queues.pop(0))  # another queue is the first one the next time

    def _granted(self, slot: Slot, reply: Task | RunStillHeld | None, sent: float) -> Task | None:
        claim, slot.claim = slot.claim, None
        if isinstance(reply, RunStillHeld):
            slot.run, slot.began, slot.renewed_at = reply.run, sent, sent
            self.end(reply.run, Stopped())
            return None
        if reply is None:
            if claim is not None:
                self._promising.discard(claim.queue)
            self._slots.release(slot)
            return None
        slot.run, slot.began, slot.renewed_at = reply, sent, sent
        return reply

    def _change(self, slot: Slot) -> Change | None:
        """Return the change that ends the run of a slot; None if it cannot be made like this."""
        end = slot.end
        if end is None:
            return None
        try:
            after = end.apply(end.run)
            return Change(before=end.run, after=after, log=failure_line(end.run, after, end.at))
        except Exception:
            extra = {"action": "turn_failed", "task_id": end.run.task_id}
            logger.exception("Cannot finish a run with the others", extra=extra)
            return None

    def _finish(self, slot: Slot, change: Change | None, *, is_saved: bool) -> None:
        """Log an end that was saved. Otherwise find out by itself what can be saved.

        Raises StoreUnavailable.
        """
        end = slot.end
        if end is not None:
            if change and is_saved:
                log_end(end, change.after)
            else:
                self._finish_run.execute_once(end)
        self._slots.release(slot)

    def _slot_of(self, run: Task) -> Slot | None:
        """Return the slot that has this run; None if the run is over."""
        number = slot_of(run.owner or "")
        if number is None:
            return None
        slot = self._slots.all[number]
        is_same = slot.run is not None and slot.run.fencing_token == run.fencing_token
        return slot if is_same else None

    def _time(self, slot: Slot) -> datetime:
        """Return the time of the store's clock, which set the start of the run."""
        started_at = slot.run.started_at if slot.run else None
        elapsed = timedelta(seconds=self._clock.monotonic() - slot.began)
        return (started_at or self._clock.now()) + elapsed
