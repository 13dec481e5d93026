"""Read since when a task waits, from two fields of its record."""

import json
from datetime import datetime

from adapters.redis.task_codec import SPEC_NAMES, instant


def waiting_since(submitted: bytes | None, spec: bytes | None) -> datetime | None:
    """Return when a task was submitted, or was due if that is later. None for damaged fields."""
    try:
        run_at = json.loads(spec or b"{}").get(SPEC_NAMES["run_at"])
        return max(instant(int(submitted or b"")), instant(run_at or 0))
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None
