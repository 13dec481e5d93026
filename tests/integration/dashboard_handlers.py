"""Functions whose tasks the tests of the dashboard watch."""

import threading
from pathlib import Path
from typing import Any


def watched(gate: str, *, context: Any) -> dict[str, Any]:
    """Write a line, wait until the file of the gate exists, and write another line."""
    context.progress(0.5, "half of it")
    print("before the gate <b>bold</b>")
    while not Path(gate).exists():
        threading.Event().wait(0.02)
    print("after the gate")
    return {"large": 12345678901234567890123, "note": "<img src=x onerror=alert(1)>"}


def failing(reason: str, number: int = 0) -> None:
    """Fail with the reason."""
    raise ValueError(f"{reason} {number}")
