"""Interrupts the work of a child when its worker sends a signal."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from application.errors import RunStopped
from application.ports.run import RunInterrupt

STOP_SIGNAL = signal.SIGUSR2
"""Billiard uses SIGUSR1 for itself."""


class SignalRunInterrupt(RunInterrupt, AbstractContextManager[None]):
    """Handles the stop signal.

    Create it in the main thread of a child, where Python runs signal handlers.

    The signal does nothing outside of `allowed`.
    """

    def __init__(self) -> None:
        self._allowed = False
        self._requested = False
        self._stop: Callable[[], None] | None = None
        signal.signal(STOP_SIGNAL, self._handle)

    @property
    def was_requested(self) -> bool:
        return self._requested

    def allowed(self) -> AbstractContextManager[None]:
        return self

    def __enter__(self) -> None:
        self._requested, self._allowed = False, True

    def __exit__(self, *_: object) -> None:
        self._allowed = False

    @contextmanager
    def on_stop(self, stop: Callable[[], None]) -> Iterator[None]:
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None

    def _handle(self, *_: Any) -> None:
        if not self._allowed:
            return
        self._allowed, self._requested = False, True
        if self._stop is None:
            raise RunStopped
        self._stop()
