"""The contract of RateLimits, inherited by the tests of its fake and of its adapter."""

from datetime import timedelta

import pytest

from application.ports.rate_limits import Charge, RateLimitExceeded, RateLimits
from domain.rate_limit import RateLimit

HOUR = timedelta(hours=1)


def a_charge(units: int = 3, unit_of_time: str = "hour", caller: str = "key:ada") -> Charge:
    return Charge(caller=caller, limit=RateLimit(units, unit_of_time))


def left(rate_limits: RateLimits, charge: Charge, units: int = 1) -> int:
    """Count the units and return what is left."""
    rate_limits.count(charge, units)
    assert charge.usage
    return charge.usage.remaining


class RateLimitsContract:
    def test_a_caller_may_use_as_many_units_as_its_limit_has(self, rate_limits: RateLimits) -> None:
        assert [left(rate_limits, a_charge()) for _ in range(3)] == [2, 1, 0]

        with pytest.raises(RateLimitExceeded):
            rate_limits.count(a_charge())

    def test_a_refusal_says_what_is_left_and_when_the_units_are_there(
        self, rate_limits: RateLimits
    ) -> None:
        rate_limits.count(a_charge(), 2)
        refused = a_charge()

        with pytest.raises(RateLimitExceeded) as refusal:
            rate_limits.count(refused, 2)

        assert refused.usage
        assert refused.usage.remaining == 1
        for wait in (refused.usage.regains_in, refusal.value.wait):
            assert 0.9 * HOUR < wait < 1.02 * HOUR

    def test_what_is_refused_counts_nothing(self, rate_limits: RateLimits) -> None:
        rate_limits.count(a_charge(), 2)
        with pytest.raises(RateLimitExceeded):
            rate_limits.count(a_charge(), 2)

        assert left(rate_limits, a_charge()) == 0

    def test_callers_and_windows_are_counted_apart(self, rate_limits: RateLimits) -> None:
        rate_limits.count(a_charge(), 3)

        assert left(rate_limits, a_charge(caller="address:::1")) == 2
        assert left(rate_limits, a_charge(unit_of_time="day")) == 2

    def test_another_limit_counts_the_units_that_were_used(self, rate_limits: RateLimits) -> None:
        rate_limits.count(a_charge(), 3)

        assert left(rate_limits, a_charge(units=10)) == 6
        lower = a_charge(units=2)
        with pytest.raises(RateLimitExceeded):
            rate_limits.count(lower)
        assert lower.usage
        assert lower.usage.remaining == 0
