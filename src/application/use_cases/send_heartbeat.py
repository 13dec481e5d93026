"""Say that this process is alive."""

import logging

from application.errors import StoreUnavailable
from application.ports.heartbeats import Heartbeats

logger = logging.getLogger(__name__)


class SendHeartbeat:
    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats

    def execute(self, role: str) -> bool:
        """Answers whether the store took it; a process goes on without."""
        try:
            self._heartbeats.beat(role)
        except StoreUnavailable as error:
            logger.warning("No heartbeat: %s", error.reason, extra={"action": "heartbeat_failed"})
            return False
        return True
