"""Find the callbacks that are due."""

from collections.abc import Sequence
from datetime import timedelta

from application.ports.outbox import LeasedDelivery, Outbox

LEASE = timedelta(seconds=30)
"""Twice as long as a try may take. Who dies in between leaves the message to be taken again after it."""


class LeaseDeliveries:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def execute(self, limit: int) -> Sequence[LeasedDelivery]:
        """So many at most; they are the caller's to deliver."""
        return self._outbox.lease(limit=limit, duration=LEASE)
