from datetime import timedelta

import pytest

from domain.errors import InvalidTaskSpec
from domain.retry_policy import RetryPolicy


def test_delays_grow_up_to_the_longest() -> None:
    policy = RetryPolicy(max_attempts=10, initial_delay=1, factor=2, max_delay=5, jitter=0)

    delays = [policy.delay(failures, roll=0.5) for failures in range(1, 6)]

    assert delays == [timedelta(seconds=seconds) for seconds in (1, 2, 4, 5, 5)]


def test_jitter_makes_a_delay_longer_or_shorter_by_its_share() -> None:
    policy = RetryPolicy(max_attempts=2, initial_delay=100, jitter=0.1)

    assert policy.delay(1, roll=0) == timedelta(seconds=90)
    assert policy.delay(1, roll=0.5) == timedelta(seconds=100)
    assert policy.delay(1, roll=1) == timedelta(seconds=110)


def test_the_last_failure_is_not_retried() -> None:
    assert RetryPolicy().delay(1, roll=0) is None
    assert RetryPolicy(max_attempts=3).delay(2, roll=0) is not None
    assert RetryPolicy(max_attempts=3).delay(3, roll=0) is None


@pytest.mark.parametrize(
    "member",
    [
        {"max_attempts": 0},
        {"max_attempts": 101},
        {"initial_delay": -1},
        {"factor": 0.5},
        {"jitter": 1.1},
    ],
)
def test_a_member_outside_its_range_is_refused(member: dict[str, float]) -> None:
    with pytest.raises(InvalidTaskSpec, match=next(iter(member))):
        RetryPolicy(**member)  # type: ignore[arg-type]
