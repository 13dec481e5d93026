from collections.abc import Callable, Iterator
from contextlib import contextmanager

from application.ports.run import RunContext


class FakeRunContext(RunContext):
    """Remembers what was said. `stop` is what a request to stop would call now."""

    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []
        self.lines: list[str] = []
        self.stop: Callable[[], None] | None = None
        self.was_cancelled = False

    @property
    def cancelled(self) -> bool:
        return self.was_cancelled

    def progress(self, fraction: float, message: str = "") -> None:
        self.said.append((fraction, message))

    def log(self, message: str) -> None:
        self.lines.append(message)

    @contextmanager
    def on_stop(self, stop: Callable[[], None]) -> Iterator[None]:
        self.stop = stop
        try:
            yield
        finally:
            self.stop = None
