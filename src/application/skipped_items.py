"""Log each item that is skipped because it is damaged, once."""

import logging

MAX_REMEMBERED = 10_000
"""Limit on memory and on log lines. More damaged items than this have one common cause."""
MAX_NAME_LENGTH = 200
"""Characters of a name that a log line shows. A name from damaged data may be very long."""

logger = logging.getLogger(__name__)


class SkippedItems:
    """Remembers what it has logged: use one instance per process and purpose."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, int]] = set()
        """Actions and the hash of each name, since damaged names may be very long."""

    def log_once(self, action: str, name: str, reason: object) -> None:
        """Log that `action` skips the task, queue or webhook of this name.

        Each pair is logged once.
        """
        pair = (action, hash(name))
        if pair in self._logged or len(self._logged) > MAX_REMEMBERED:
            return
        self._logged.add(pair)
        short = name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"
        about = {"action": action, "task_id": short}
        logger.error(
            "Skipped %s in %s: %s. Everything else goes on.", short, action, reason, extra=about
        )
        if len(self._logged) > MAX_REMEMBERED:
            logger.error(
                "Further skipped items are not logged.", extra={"action": "passed_over_limit"}
            )
