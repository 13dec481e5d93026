"""What every Heartbeats must do."""

from application.ports.heartbeats import Heartbeats


class HeartbeatsContract:
    def test_a_part_that_never_beat_is_not_seen(self, heartbeats: Heartbeats) -> None:
        assert not heartbeats.seen("worker")

    def test_a_part_that_beats_is_seen_and_no_other(self, heartbeats: Heartbeats) -> None:
        heartbeats.beat("worker")

        assert heartbeats.seen("worker")
        assert not heartbeats.seen("maintenance")
