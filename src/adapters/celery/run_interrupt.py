"""Interrupts the work of a child when its worker asks for that."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from application.errors import RunStopped
from application.ports.run_interrupt import RunInterrupt

ASK = signal.SIGUSR2
"""SIGUSR1 is billiard's."""


class SignalRunInterrupt(RunInterrupt):
    """Made in the main thread of a child. Outside of `allowed` the signal does nothing."""

    def __init__(self) -> None:
        self._allowed = False
        signal.signal(ASK, self._asked)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        self._allowed = True
        try:
            yield
        finally:
            self._allowed = False

    def _asked(self, *_: Any) -> None:
        if self._allowed:
            self._allowed = False
            raise RunStopped
