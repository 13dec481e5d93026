from collections.abc import Callable, Iterator
from contextlib import contextmanager

from application.errors import RunStopped
from application.ports.run import RunInterrupt


class FakeRunInterrupt(RunInterrupt):
    """An interrupt that a test requests by `request`."""

    def __init__(self) -> None:
        self.is_allowed = False
        self._requested = False
        self._stop: Callable[[], None] | None = None

    @property
    def was_requested(self) -> bool:
        return self._requested

    def request(self) -> None:
        """Interrupt the work as the worker's parent would."""
        if not self.is_allowed:
            return
        self.is_allowed, self._requested = False, True
        if self._stop is None:
            raise RunStopped
        self._stop()

    @contextmanager
    def allowed(self) -> Iterator[None]:
        self.is_allowed, self._requested = True, False
        try:
            yield
        finally:
            self.is_allowed = False

    @contextmanager
    def on_stop(self, stop: Callable[[], None]) -> Iterator[None]:
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None
