"""Interrupts a run that keeps the loop, in a thread beside it."""

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial

from adapters.io_pool.board import Board
from adapters.io_pool.held_time import HeldTime
from adapters.io_pool.runner import Runner
from adapters.supervision.interrupt import STOP_SIGNAL
from adapters.supervision.linux import waited_seconds

HOLD_SECONDS = 1.0
"""Time for which a run may keep the loop."""
HURRY_SECONDS = 0.25
"""The same while another run is due to end."""
AGAIN_SECONDS = 0.5
"""Time until a step that goes on is interrupted again."""
LOOK_SECONDS = 0.1
REST_SECONDS = 0.25

logger = logging.getLogger(__name__)


class Watch:
    def __init__(self, runner: Runner, board: Board) -> None:
        self._runner = runner
        self._board = board
        self._sleep, self._monotonic = time.sleep, time.monotonic
        """References of its own: work may replace these functions, as tests do."""

    def start(self) -> None:
        """Call in the main thread, the one with the loop."""
        self._thread_id = threading.get_ident()
        signal.signal(STOP_SIGNAL, self._runner.steps.interrupt)
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        held, interrupted_at = HeldTime(partial(waited_seconds, os.getpid())), 0.0
        while True:
            self._sleep(LOOK_SECONDS if self._runner.runs else REST_SECONDS)
            now, steps = self._monotonic(), self._runner.steps
            step = steps.number
            seconds = held.look((step, steps.current is None))
            if steps.current is None:
                continue
            limit = HURRY_SECONDS if self._is_urgent(now) else HOLD_SECONDS
            if seconds >= limit and now - interrupted_at >= AGAIN_SECONDS:
                interrupted_at = now
                logger.warning("A run keeps others waiting", extra={"action": "loop_held"})
                steps.ask_to_interrupt(step)
                signal.pthread_kill(self._thread_id, STOP_SIGNAL)

    def _is_urgent(self, now: float) -> bool:
        """Return whether a run has to end now and cannot, since the loop does not turn."""
        with suppress(RuntimeError):  # the runs change meanwhile: so the loop turns
            runs = self._runner.runs.values()
            return any(run.deadline < now or self._board.has_to_end(run.slot) for run in runs)
        return False
