"""Raises the limit on open files for a worker with many children."""

import resource
from contextlib import suppress

OF_A_WORKER = 256
"""Descriptors of a worker without children, generously."""
OF_A_CHILD = 10
"""Descriptors that the parent has open for each child: its pipes, sentinels and two pidfds."""

OF_A_SLOT = 4
"""Descriptors of a run in the I/O pool, whose process inherits the limit of the parent."""


def allow_descriptors(number: int) -> None:
    """Let this process open so many files, or as many as it may at most.

    A limit that is enough stays, since the programs of handlers inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
