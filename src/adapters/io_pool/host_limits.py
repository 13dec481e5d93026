"""Limit the runs that wait for one host, so that a stalled one does not take all slots."""

import time
from collections.abc import Callable
from datetime import timedelta

from application.errors import HostBusy

MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 0.25, 60.0
FIRST_GUESS_SECONDS = 0.05
WEIGHT_OF_THE_LATEST = 0.2


class _Host:
    """The runs that wait for a host, and when the turn of the next one comes."""

    def __init__(self) -> None:
        self.since: dict[int, float] = {}
        self.next_turn = 0.0
        self.usual_seconds = FIRST_GUESS_SECONDS


class HostLimits:
    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """At most `most` runs wait for one host at a time."""
        self._most = most
        self._monotonic = monotonic
        self._hosts: dict[str, _Host] = {}

    def enter(self, host: str, slot: int) -> None:
        """Count a run of this host. Raises HostBusy if as many as allowed wait for it.

        The wait is as long as the runs before this one are expected to take.
        """
        place = self._hosts.setdefault(host, _Host())
        if len(place.since) >= self._most:
            raise HostBusy(timedelta(seconds=self._wait(place)))
        place.since[slot] = self._monotonic()

    def leave(self, host: str, slot: int) -> None:
        place = self._hosts[host]
        took = self._monotonic() - place.since.pop(slot)
        place.usual_seconds += WEIGHT_OF_THE_LATEST * (took - place.usual_seconds)
        if not place.since and place.next_turn < self._monotonic():
            del self._hosts[host]

    def _wait(self, place: _Host) -> float:
        """Return the seconds until a turn. Runs that go on count with their age at least."""
        now = self._monotonic()
        ages = [now - since for since in place.since.values()]
        seconds = max(place.usual_seconds, sum(ages) / len(ages))
        place.next_turn = max(place.next_turn, now) + seconds / self._most
        return min(max(place.next_turn - now, MIN_WAIT_SECONDS), MAX_WAIT_SECONDS)
