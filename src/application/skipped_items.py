"""Tell the operator of what maintenance passes over, once each."""

import logging

MAX_REMEMBERED = 10_000
"""Bounds the memory, and the number of lines. More damage than this is one fault, not so many."""

logger = logging.getLogger(__name__)


class SkippedItems:
    """One instance per process and place: it remembers what it told."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def tell(self, action: str, name: str, reason: object) -> None:
        """Log that `action` passes over the task, queue or message of that name; the same pair is logged once."""
        if (action, name) in self._told or len(self._told) > MAX_REMEMBERED:
            return
        self._told.add((action, name))
        about = {"action": action, "task_id": name}
        logger.error("Passed over %s in %s: %s. Everything else goes on.", name, action, reason, extra=about)
        if len(self._told) > MAX_REMEMBERED:
            logger.error("No more is logged of what is passed over", extra={"action": "passed_over_limit"})
