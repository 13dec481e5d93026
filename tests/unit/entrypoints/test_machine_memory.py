"""The memory of this machine, or of the container around it."""

import os
from pathlib import Path

import pytest

from entrypoints.local.machine_memory import memory_bytes

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def write(root: Path, path: str, content: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


@pytest.mark.parametrize(
    ("membership", "path"),
    [
        ("0::/\n", "memory.max"),
        ("0::/app/web\n", "app/web/memory.max"),
        ("0::/app/web\n", "app/memory.max"),
        ("5:cpu,cpuacct:/x\n4:memory:/app\n", "memory/app/memory.limit_in_bytes"),
    ],
)
def test_a_limit_of_a_control_group_counts(tmp_path: Path, membership: str, path: str) -> None:
    write(tmp_path, "membership", membership)
    write(tmp_path, path, "104857600\n")

    assert memory_bytes(tmp_path, tmp_path / "membership") == 104_857_600


@pytest.mark.parametrize("limit", ["max\n", f"{2**63 - 4096}\n"])
def test_without_a_limit_it_is_the_physical_memory(tmp_path: Path, limit: str) -> None:
    write(tmp_path, "membership", "0::/\n")
    write(tmp_path, "memory.max", limit)

    assert memory_bytes(tmp_path, tmp_path / "membership") == PHYSICAL


def test_a_system_without_control_groups_has_its_physical_memory(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path, tmp_path / "nothing") == PHYSICAL
