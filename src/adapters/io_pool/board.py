"""Memory that an I/O process and its worker's parent share, so that each sees the other's state.

The parent reads it whatever the process is doing, and after the process has died.
"""

import mmap
import time

ON_LOOP, STEP, PULSE, TAKEN = range(4)
"""The slot that has the loop, the number of its step, the time of the loop's last turn (0 without
runs), and the number of slots that are taken."""
HEADER_WORDS = 4
WORD_BYTES = 8
NOBODY = -1


class Board:
    """Words of 64 bits. Create it before the process is forked.

    Times are nanoseconds of the monotonic clock, which all processes of a host share.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._memory = mmap.mmap(-1, WORD_BYTES * (HEADER_WORDS + slots))
        self.words = memoryview(self._memory).cast("q")
        self.clear()

    def clear(self) -> None:
        for at in range(HEADER_WORDS + self.slots):
            self.words[at] = 0
        self.words[ON_LOOP] = NOBODY

    @property
    def on_loop(self) -> int | None:
        """The slot whose run has the loop now; None if none has."""
        slot = self.words[ON_LOOP]
        return None if slot == NOBODY else slot

    @property
    def has_room(self) -> bool:
        return self.words[TAKEN] < self.slots

    def must_end_by(self, slot: int, when: float | None) -> None:
        """Have the parent kill the process if the run of this slot is not over by then."""
        self.words[HEADER_WORDS + slot] = 0 if when is None else int(when * 1e9)

    def has_to_end(self, slot: int) -> bool:
        """Return whether the run of this slot was asked to stop and is not over yet."""
        return bool(self.words[HEADER_WORDS + slot])

    def overdue(self) -> int | None:
        """Return a slot whose run had to be over by now."""
        now = time.monotonic_ns()
        slots = range(self.slots) if self.words[TAKEN] else range(0)
        return next((slot for slot in slots if 0 < self.words[HEADER_WORDS + slot] < now), None)

    def pulse(self, *, has_runs: bool) -> None:
        """Note that the loop turns; without runs, that it rests."""
        self.words[PULSE] = time.monotonic_ns() if has_runs else 0

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last turn of the loop; 0 while it rests."""
        last = self.words[PULSE]
        return (time.monotonic_ns() - last) / 1e9 if last else 0.0
