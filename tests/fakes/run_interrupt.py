from collections.abc import Iterator
from contextlib import contextmanager

from application.ports.run_interrupt import RunInterrupt


class FakeRunInterrupt(RunInterrupt):
    """Knows whether an interruption would be allowed now."""

    def __init__(self) -> None:
        self.is_allowed = False

    @contextmanager
    def allowed(self) -> Iterator[None]:
        self.is_allowed = True
        try:
            yield
        finally:
            self.is_allowed = False
