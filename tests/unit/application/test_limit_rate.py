"""Requests are counted, and callers without a unit are refused without asking the store."""

from datetime import timedelta

import pytest

from application.ports.rate_limits import RateLimitExceeded
from application.use_cases.access.limit_rate import LimitRate
from tests.contracts.rate_limits import a_charge
from tests.fakes.clock import FakeClock
from tests.fakes.rate_limits import FakeRateLimits


@pytest.fixture
def rate_limits(clock: FakeClock) -> FakeRateLimits:
    return FakeRateLimits(clock)


@pytest.fixture
def limit_rate(rate_limits: FakeRateLimits, clock: FakeClock) -> LimitRate:
    return LimitRate(rate_limits, clock)


def test_a_caller_without_a_unit_is_refused_without_asking_the_store(
    limit_rate: LimitRate, rate_limits: FakeRateLimits, clock: FakeClock
) -> None:
    for _ in range(3):
        limit_rate.count(a_charge())
    asked = rate_limits.asked
    clock.advance(timedelta(minutes=59))

    refused = a_charge()
    with pytest.raises(RateLimitExceeded) as refusal:
        limit_rate.count(refused)

    assert rate_limits.asked == asked
    assert refusal.value.wait == timedelta(minutes=1)
    assert refused.usage
    assert (refused.usage.remaining, refused.usage.regains_in) == (0, timedelta(minutes=1))


def test_it_is_let_in_at_the_moment_when_a_unit_comes_back(
    limit_rate: LimitRate, clock: FakeClock
) -> None:
    for _ in range(3):
        limit_rate.count(a_charge())
    clock.advance(timedelta(hours=1))

    limit_rate.require_unit(a_charge())
    limit_rate.count(a_charge())


def test_another_process_refuses_it_as_well(
    limit_rate: LimitRate, rate_limits: FakeRateLimits, clock: FakeClock
) -> None:
    for _ in range(3):
        limit_rate.count(a_charge())

    with pytest.raises(RateLimitExceeded):
        LimitRate(rate_limits, clock).count(a_charge())


def test_a_caller_that_has_too_few_units_for_a_batch_may_send_less(
    limit_rate: LimitRate, rate_limits: FakeRateLimits
) -> None:
    batch = a_charge()
    rate_limits.count(a_charge(), 2)
    with pytest.raises(RateLimitExceeded):
        rate_limits.count(batch, 2)
    limit_rate.note(batch)

    limit_rate.count(a_charge())


def test_other_callers_and_other_limits_of_a_caller_are_not_affected(
    limit_rate: LimitRate,
) -> None:
    for _ in range(3):
        limit_rate.count(a_charge())

    limit_rate.count(a_charge(caller="key:bob"))
    limit_rate.count(a_charge(units=4))


def test_while_the_store_is_away_nobody_is_refused(
    limit_rate: LimitRate, rate_limits: FakeRateLimits
) -> None:
    rate_limits.away = True
    charge = a_charge()

    for _ in range(10):
        limit_rate.count(charge)

    assert charge.usage is None
