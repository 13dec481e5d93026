from collections.abc import Callable, Iterator
from contextlib import contextmanager

from application.errors import RunStopped
from application.ports.run import RunContext


class FakeRunContext(RunContext):
    """Records every report. A test asks the run to stop by `request_stop`."""

    def __init__(self) -> None:
        self.reports: list[tuple[float, str]] = []
        self.lines: list[str] = []
        self._cancelled = False
        self._stop: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def request_stop(self) -> None:
        self._cancelled = True
        if self._stop is None:
            raise RunStopped
        self._stop()

    def progress(self, fraction: float, message: str = "") -> None:
        self.reports.append((fraction, message))

    def log(self, message: str) -> None:
        self.lines.append(message)

    @contextmanager
    def on_stop(self, stop: Callable[[], None]) -> Iterator[None]:
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None
