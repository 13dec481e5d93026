"""Interrupts the work of a child when its worker asks for that."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from application.errors import RunStopped
from application.ports.run import RunInterrupt

ASK = signal.SIGUSR2
"""SIGUSR1 is billiard's."""


class SignalRunInterrupt(RunInterrupt, AbstractContextManager[None]):
    """Made in the main thread of a child. Outside of `allowed` the signal does nothing."""

    def __init__(self) -> None:
        self._allowed = False
        self._asked = False
        self._stop: Callable[[], None] | None = None
        signal.signal(ASK, self._ask)

    @property
    def asked(self) -> bool:
        return self._asked

    def allowed(self) -> AbstractContextManager[None]:
        return self

    def __enter__(self) -> None:
        self._asked, self._allowed = False, True

    def __exit__(self, *_: object) -> None:
        self._allowed = False

    @contextmanager
    def instead(self, stop: Callable[[], None]) -> Iterator[None]:
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None

    def _ask(self, *_: Any) -> None:
        if not self._allowed:
            return
        self._allowed, self._asked = False, True
        if self._stop is None:
            raise RunStopped
        self._stop()
