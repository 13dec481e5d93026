"""Record that this process is alive, or that it ends."""

import logging

from application.errors import StoreUnavailable
from application.ports.heartbeats import Heartbeats, ServiceProcess

logger = logging.getLogger(__name__)


class SendHeartbeat:
    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats
        self._failing = False

    def execute(self, process: ServiceProcess, *, last: bool = False) -> bool:
        """Return whether the store accepted the heartbeat.

        The first of several failures in a row is logged.
        """
        try:
            (self._heartbeats.end if last else self._heartbeats.beat)(process)
        except StoreUnavailable as error:
            if not self._failing:
                logger.warning(
                    "No heartbeat: %s", error.reason, extra={"action": "heartbeat_failed"}
                )
            self._failing = True
            return False
        self._failing = False
        return True
