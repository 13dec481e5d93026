import os

import pytest

from adapters.supervision.idle_children import IdleChildren
from adapters.supervision.linux import IS_LINUX, cpu_seconds

WAKE_UP = (4711, 1)


def killed_after(used_a_second: float, *, seconds: int = 100) -> int | None:
    """Return after how many looks, one a second, a child with this use of CPU is to be killed."""
    looks = iter(range(seconds))
    children = IdleChildren(lambda _: used_a_second * second)
    for second in looks:
        if children.unusable([WAKE_UP], float(second)):
            return second
    return None


def test_a_child_that_stands_still_is_killed_after_ten_seconds() -> None:
    assert killed_after(0.0) == 10


def test_a_child_that_gets_little_of_a_busy_machine_has_more_time() -> None:
    assert killed_after(0.01) == 60


def test_a_child_that_spins_is_killed_after_a_minute() -> None:
    assert killed_after(1.0) == 60


def test_the_time_starts_with_each_wake_up_and_after_an_outage() -> None:
    children = IdleChildren(lambda _: 0.0)

    assert not children.unusable([(1, 1)], 0.0)
    assert not children.unusable([(1, 2)], 9.0)
    assert not children.unusable([(1, 2)], 18.0)
    children.forget()
    assert not children.unusable([(1, 2)], 27.0)
    assert children.unusable([(1, 2)], 37.5) == {1: 10.5}


@pytest.mark.skipif(not IS_LINUX, reason="only Linux has /proc")
def test_the_cpu_of_a_process_is_read() -> None:
    times = os.times()

    assert cpu_seconds(os.getpid()) >= times.user + times.system - 0.05
    assert cpu_seconds(2**22 + 1) == 0.0
