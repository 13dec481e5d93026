"""Tells whether the event loop of Celery's consumer turns.

A heartbeat then proves more than a thread that is alive.
"""

import time
from typing import Any

from celery import bootsteps

PULSE_SECONDS = 0.25
"""A loop without events notices a request to stop only when it turns."""
RECENT_SECONDS = 10.0
"""The loop handles one event after the other, so on a busy machine a turn may take seconds."""


class LoopPulse:
    """Remembers when the loop last turned."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    @property
    def is_recent(self) -> bool:
        return time.monotonic() - self._at < RECENT_SECONDS


def pulse_of_loop(pulse: LoopPulse) -> type[bootsteps.Step]:
    """Return a part of Celery's worker that beats `pulse` four times a second while the loop turns.

    The loop itself may wait for longer when nothing happens.
    """

    class PulseStep(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Hub",)

        def register_with_event_loop(self, worker: Any, hub: Any) -> None:
            """Start beating.

            Celery calls this again after each reconnect, which clears the loop.
            """
            pulse.beat()
            hub.call_repeatedly(PULSE_SECONDS, pulse.beat)

    return PulseStep
