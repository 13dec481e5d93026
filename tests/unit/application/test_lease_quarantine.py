"""No lease is called expired while its holder had no time to renew it."""

from datetime import timedelta

import pytest

from application.lease_quarantine import LeaseQuarantine

LEASE = timedelta(seconds=15)
LONG = 1_000_000.0


@pytest.fixture
def quarantine() -> LeaseQuarantine:
    """One that has seen the store's clock at 5,000 s when the monotonic one was at 100 s."""
    quarantine = LeaseQuarantine(LEASE)
    assert not quarantine.is_active(store_now=5_000, store_uptime=LONG, monotonic=100)
    return quarantine


@pytest.mark.parametrize(("uptime", "active"), [(14.9, True), (15, False)])
def test_a_store_that_has_just_started_is_in_quarantine_for_one_lease(
    uptime: float, active: bool
) -> None:
    quarantine = LeaseQuarantine(LEASE)

    assert quarantine.is_active(store_now=5_000, store_uptime=uptime, monotonic=100) is active


def test_a_store_that_started_while_its_clock_was_ahead_is_not_in_quarantine() -> None:
    quarantine = LeaseQuarantine(LEASE)

    assert not quarantine.is_active(store_now=5_000, store_uptime=-7_200, monotonic=100)


@pytest.mark.parametrize("step", [-30.0, -1.1, 1.1, 30.0])
def test_a_step_of_the_clock_begins_a_quarantine_of_one_lease(
    quarantine: LeaseQuarantine, step: float
) -> None:
    stepped = 5_001 + step

    assert quarantine.is_active(store_now=stepped, store_uptime=LONG, monotonic=101)
    assert quarantine.is_active(store_now=stepped + 14.9, store_uptime=LONG, monotonic=115.9)
    assert not quarantine.is_active(store_now=stepped + 15, store_uptime=LONG, monotonic=116)


def test_drift_of_up_to_a_second_begins_none(quarantine: LeaseQuarantine) -> None:
    assert not quarantine.is_active(store_now=5_002, store_uptime=LONG, monotonic=101)
    assert not quarantine.is_active(store_now=5_002, store_uptime=LONG, monotonic=102)
