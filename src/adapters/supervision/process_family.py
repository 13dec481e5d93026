"""Kills a service with all that belongs to it."""

import os
import signal
from contextlib import suppress

from adapters.supervision.linux import process_table


def kill_family(leader: int) -> None:
    """Kill the leader of a session, the whole session and all descendants, stopped ones included.

    Without /proc, as off Linux, or if no descriptor is left to read it, this kills the leader's
    process group alone.
    """
    family: set[int] = set()
    with suppress(OSError):
        family = _family(leader)
    with suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
    for pid in family:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _family(leader: int) -> set[int]:
    table = list(process_table())
    family = {entry.pid for entry in table if entry.session == leader}
    while more := {entry.pid for entry in table if entry.parent in family} - family:
        family |= more
    return family
