"""Runs that wait for one host: as many as allowed, and the others get a turn each."""

import pytest

from adapters.io_pool.host_limits import MAX_WAIT_SECONDS, MIN_WAIT_SECONDS, HostLimits
from application.errors import HostBusy


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> HostLimits:
    return HostLimits(2, clock)


def wait_of(limits: HostLimits, host: str = "a") -> float:
    with pytest.raises(HostBusy) as refusal:
        limits.enter(host, 99)
    return refusal.value.wait.total_seconds()


def test_as_many_as_allowed_wait_for_a_host_and_others_for_other_hosts(limits: HostLimits) -> None:
    limits.enter("a", 1), limits.enter("a", 2)

    assert wait_of(limits) == MIN_WAIT_SECONDS
    limits.enter("b", 3)
    limits.leave("a", 1)
    limits.enter("a", 4)


def test_the_wait_grows_with_the_age_of_the_runs_and_with_those_before(
    limits: HostLimits, clock: Clock
) -> None:
    limits.enter("a", 1), limits.enter("a", 2)
    clock.now += 10

    assert [wait_of(limits) for _ in range(3)] == [5, 10, 15]
    clock.now += 1_000
    assert wait_of(limits) == MAX_WAIT_SECONDS


def test_a_host_that_nobody_waits_for_is_forgotten(limits: HostLimits, clock: Clock) -> None:
    for number in range(3):
        limits.enter(f"host{number}", 1)
        clock.now += 1
        limits.leave(f"host{number}", 1)

    assert limits._hosts == {}
