"""A handler for tests that need a run to last until they have seen it."""

import time
from pathlib import Path


def hold(gate: str) -> str:
    """Run until the file of the gate exists."""
    while not Path(gate).exists():
        time.sleep(0.02)
    return "held"
