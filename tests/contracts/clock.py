"""The contract of Clock, inherited by the tests of its fake and of its adapter."""

from datetime import timedelta

from application.ports.clock import Clock


class ClockContract:
    def test_the_time_is_in_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == timedelta(0)

    def test_sleeping_takes_at_least_the_time_asked_for(self, clock: Clock) -> None:
        before = clock.now()

        clock.sleep(0.02)

        assert clock.now() - before >= timedelta(seconds=0.02)
