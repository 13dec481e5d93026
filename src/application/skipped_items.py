"""Log each item that is skipped because it is damaged, once."""

import logging

MAX_REMEMBERED = 10_000
"""Limit on memory and on log lines. More damaged items than this have one common cause."""

logger = logging.getLogger(__name__)


class SkippedItems:
    """Remembers what it has logged: use one instance per process and purpose."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def tell(self, action: str, name: str, reason: object) -> None:
        """Log that `action` skips the task, queue or webhook of this name.

        Each pair is logged once.
        """
        if (action, name) in self._told or len(self._told) > MAX_REMEMBERED:
            return
        self._told.add((action, name))
        about = {"action": action, "task_id": name}
        logger.error(
            "Passed over %s in %s: %s. Everything else goes on.", name, action, reason, extra=about
        )
        if len(self._told) > MAX_REMEMBERED:
            logger.error(
                "No more is logged of what is passed over", extra={"action": "passed_over_limit"}
            )
