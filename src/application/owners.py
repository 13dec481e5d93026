"""The names of the owners of runs: <worker>:<pid> for a process that runs one task at a time, and
<worker>:<pid>.<slot> for each slot of a process that runs many."""

from domain.task import Task


def slot_owner(process: str, slot: int) -> str:
    """Return the owner name of a slot. `process` is <worker>:<pid>."""
    return f"{process}.{slot}"


def slot_of(owner: str) -> int | None:
    """Return the slot of an owner; None for a process that runs one task at a time."""
    _, _, slot = owner.rpartition(":")[2].partition(".")
    return int(slot) if slot.isdecimal() else None


def runs_beside_others(run: Task) -> bool:
    """Return whether the process of the run runs many at a time."""
    return slot_of(run.owner or "") is not None
