"""The API with a greenlet that ticks beside requests, as a service of tests."""

import sys
from pathlib import Path
from typing import Any

from tests.integration.processes import Api


class TickingApi(Api):
    def __init__(self, log: Path, **settings: object) -> None:
        super().__init__(log, **settings)
        self._arguments = [sys.executable, "-m", "tests.integration.ticking_api"]

    def stalls(self) -> dict[str, Any]:
        """Return the longest stall since the last call, and what to compare it with."""
        response: dict[str, Any] = self.request("GET", "/stalls").json()
        return response
