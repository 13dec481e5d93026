"""Lanes: each queue has one for each pool, with waiting tasks and wake-ups of its own.

The lane of the process pool has the name of the queue, as stored by versions without lanes.
"""

from domain.task_spec import IO, TaskSpec

IO_SUFFIX = "~io"
"""No name of a queue has a tilde. read.lua holds the same suffix."""


def lane_of(spec: TaskSpec) -> str:
    """Return the lane in which a task waits."""
    return io_lane(spec.queue) if spec.pool == IO else spec.queue


def io_lane(queue: str) -> str:
    return f"{queue}{IO_SUFFIX}"


def lanes_of(queue: str) -> tuple[str, str]:
    """Return the lane of the process pool and that of the I/O pool."""
    return queue, io_lane(queue)


def queue_of(lane: str) -> str:
    return lane.removesuffix(IO_SUFFIX)
