from abc import abstractmethod
from collections.abc import Mapping, Sequence

from application.errors import RunStillHeld
from application.ports.statistics import Occurrence
from application.ports.task_leases import Claim, LostRun, Renewals, TaskLeases
from application.ports.task_repository import Backlog, Change
from domain.events import Event
from domain.task import Task
from domain.task_spec import IO, PROCESS
from tests.fakes.records import FakeRecords


class FakeTaskLeases(FakeRecords, TaskLeases):
    @abstractmethod
    def save(self, change: Change) -> Task:
        """Save the end of a run, as the repository does."""

    def claim(
        self, queue: str, *, owner: str, claim_id: str, pool: str | None = None
    ) -> Task | None:
        pool = pool or (None if self.both_lanes else PROCESS)
        with self._reached():
            held_claim, task_id = self._held.get(owner, ("", ""))
            held = self._read(task_id)
            if held and held.owner == owner:
                if held_claim != claim_id:
                    raise RunStillHeld(held)
                self._expiries[task_id] = self._clock.now() + self._lease
                return held
            now = self._clock.now()
            waiting = [task for task in self._queued(queue, pool) if not task.has_expired(now)]
            if not waiting or queue in self.paused:
                return None
            first = waiting[0]
            self._claims += 1
            self.occurrences[Occurrence.RUN_STARTED] += 1
            run = first.start(owner=owner, fencing_token=self._claims, now=now)
            self._write(run)
            self._tell(Event.STARTED, run)
            self._held[owner] = (claim_id, run.task_id)
            self._expiries[run.task_id] = now + self._lease
            return run

    def finish_and_claim(
        self, end: Change, queue: str, *, owner: str, claim_id: str
    ) -> Task | None:
        with self._reached():
            self.save(end)
            return self.claim(queue, owner=owner, claim_id=claim_id)

    def finish_and_claim_many(
        self, ends: Sequence[Change], claims: Sequence[Claim]
    ) -> tuple[Sequence[bool], Sequence[Task | RunStillHeld | None]]:
        with self._reached():
            return list(map(self._is_saved, ends)), list(map(self._claimed_or_held, claims))

    def _is_saved(self, end: Change) -> bool:
        try:
            self.save(end)
        except Exception:
            return False
        return True

    def _claimed_or_held(self, claim: Claim) -> Task | RunStillHeld | None:
        try:
            return self.claim(claim.queue, owner=claim.owner, claim_id=claim.claim_id, pool=IO)
        except RunStillHeld as held:
            return held

    def renew_each(self, runs: Sequence[Task]) -> Renewals:
        with self._reached():
            lost = [run for run in runs if not self.renew(run)]
            stored = ((run, self._read(run.task_id)) for run in runs if run not in lost)
            to_stop = [run for run, task in stored if task and task.cancel_requested]
            return Renewals(lost=lost, to_stop=to_stop)

    def renew(self, task: Task) -> bool:
        with self._reached():
            stored = self._read(task.task_id)
            if stored is None or not stored.is_run_of(task.fencing_token):
                return False
            self._expiries[task.task_id] = self._clock.now() + self._lease
            return True

    def expired(self, *, limit: int) -> Sequence[Task]:
        with self._reached():
            lost = [task for task in self._all() if task.task_id in self._run_out()]
            return self._not_aside(Backlog.LOST, lost)[:limit]

    def held_by(self, owners: Sequence[str]) -> Sequence[Task]:
        with self._reached():
            return [task for task in self._all() if task.owner in owners]

    def held_by_prefix(self, owner_prefix: str) -> Sequence[Task]:
        with self._reached():
            return [
                task for task in self._all() if task.owner and task.owner.startswith(owner_prefix)
            ]

    def running(self) -> Mapping[str, str]:
        with self._reached():
            return {task.owner: task.task_id for task in self._all() if task.owner}

    def lost_by(self, owners: Sequence[str]) -> Sequence[LostRun]:
        with self._reached():
            lost = [(owner, *self._lost[owner]) for owner in owners if owner in self._lost]
            return [
                LostRun(task=task, fencing_token=claim, owner=owner)
                for owner, task_id, claim in lost
                if (task := self._read(task_id))
            ]
