"""The slots of a process that runs many tasks at a time, and the leases that they hold."""

from dataclasses import dataclass, field

from application.owners import slot_owner
from application.ports.lease_alarm import LeaseAlarm
from application.ports.task_leases import Claim
from application.run_outcome import RunEnd
from domain.task import Task


@dataclass
class Slot:
    """One place for a run."""

    number: int
    claim: Claim | None = None
    """A claim whose reply has not come. Its task may be running under this owner."""
    run: Task | None = None
    began: float = 0.0
    """The time (Clock.monotonic) at which the claim was sent that was granted."""
    renewed_at: float = 0.0
    """The time at which the last successful renewal was sent."""
    end: RunEnd | None = None
    """The end of the run. It has been sent perhaps, and is not saved for certain."""


@dataclass
class Slots:
    process: str
    """The start of the owner names: <worker>:<pid>."""
    size: int
    alarm: LeaseAlarm
    free: list[int] = field(init=False)
    all: list[Slot] = field(init=False)

    def __post_init__(self) -> None:
        self.all = [Slot(number) for number in range(self.size)]
        self.free = list(range(self.size))[::-1]

    @property
    def taken(self) -> int:
        return self.size - len(self.free)

    @property
    def claiming(self) -> list[Slot]:
        """The slots whose claim has no reply yet."""
        return [slot for slot in self.all if slot.claim] if self.taken else []

    @property
    def ending(self) -> list[Slot]:
        """The slots whose run has ended and is not saved yet."""
        return [slot for slot in self.all if slot.end] if self.taken else []

    @property
    def held(self) -> list[Slot]:
        """The slots whose lease must be renewed: the run goes on, or its end is not saved yet."""
        return [slot for slot in self.all if slot.run] if self.taken else []

    @property
    def running(self) -> list[Slot]:
        return [slot for slot in self.all if slot.run and not slot.end] if self.taken else []

    def draw(self, queue: str, claim_id: str) -> Slot:
        """Take a free slot for a claim."""
        slot = self.all[self.free.pop()]
        owner = slot_owner(self.process, slot.number)
        slot.claim = Claim(queue=queue, owner=owner, claim_id=claim_id)
        return slot

    def release(self, slot: Slot) -> None:
        self.all[slot.number] = Slot(slot.number)
        self.free.append(slot.number)

    def set_alarm(self, sending_at: float | None = None) -> None:
        """Set the alarm for the oldest lease under which work may run.

        A claim without a reply may have been granted. The work of an end is over.
        """
        held = [slot.renewed_at for slot in self.running]
        if sending_at is not None and self.claiming:
            held.append(sending_at)
        self.alarm.set(min(held, default=None))
