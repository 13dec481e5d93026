"""Find out how much memory this machine or container has."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def memory_bytes(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return the bytes of memory that this process may use.

    They are the physical memory, or the smallest limit of the control groups if that is smaller.
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_limits(cgroups, membership)])


def _limits(cgroups: Path, membership: Path) -> Iterator[int]:
    """Yield the limits of this process's control group and its parents, of versions 1 and 2.

    There are none on systems other than Linux.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield from _read_upwards(cgroups, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _read_upwards(cgroups / "memory", path, "memory.limit_in_bytes")


def _read_upwards(root: Path, path: str, name: str) -> Iterator[int]:
    group = Path(path.lstrip("/"))
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):  # "max" is not a number and means no limit
            yield int((root / folder / name).read_text())
