"""Kills a service with all that belongs to it."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Entry:
    pid: int
    parent: int
    session: int


def kill_family(leader: int) -> None:
    """SIGKILL the leader of a session, all of the session, and all descendants. Stopped ones die, too.

    Off Linux, where /proc is missing, only its process group.
    """
    family = _family(leader)
    with suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
    for pid in family:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _family(leader: int) -> set[int]:
    table = list(_process_table())
    family = {entry.pid for entry in table if entry.session == leader}
    while more := {entry.pid for entry in table if entry.parent in family} - family:
        family |= more
    return family


def _process_table() -> list[_Entry]:
    """Read /proc; a process that ends meanwhile is left out."""
    entries = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # proc(5): pid (comm) state ppid pgrp session; comm may contain anything
            _, parent, _, session = path.read_text().rpartition(") ")[2].split()[:4]
            entries.append(_Entry(int(path.parent.name), int(parent), int(session)))
    return entries
