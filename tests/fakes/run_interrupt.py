from collections.abc import Callable, Iterator
from contextlib import contextmanager

from application.ports.run import RunInterrupt


class FakeRunInterrupt(RunInterrupt):
    """Knows whether an interruption would be allowed now, and what would be called then."""

    def __init__(self) -> None:
        self.is_allowed = False
        self.was_asked = False
        self.stop: Callable[[], None] | None = None

    @property
    def asked(self) -> bool:
        return self.was_asked

    @contextmanager
    def allowed(self) -> Iterator[None]:
        self.is_allowed = True
        try:
            yield
        finally:
            self.is_allowed = False

    @contextmanager
    def instead(self, stop: Callable[[], None]) -> Iterator[None]:
        self.stop = stop
        try:
            yield
        finally:
            self.stop = None
