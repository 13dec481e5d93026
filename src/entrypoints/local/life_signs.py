"""Signs of life, which show the supervisor that a service works and does not just exist."""

import socket
from datetime import datetime
from http.client import HTTPException

from application.errors import StoreUnavailable
from application.ports.heartbeats import Heartbeats
from entrypoints.loopback_http import get


class HeartbeatSign:
    """Look for a new heartbeat in the store.

    While the store is unreachable, the result is None: services cannot send heartbeats then.
    """

    def __init__(self, heartbeats: Heartbeats, role: str) -> None:
        self._heartbeats = heartbeats
        self._role = role
        self._last: dict[int, datetime] = {}

    def __call__(self, pid: int) -> bool | None:
        try:
            beats = self._heartbeats.alive(self._role)
        except StoreUnavailable:
            return None
        here = (socket.gethostname(), pid)
        latest = max(
            (beat.at for beat in beats if (beat.process.host, beat.process.pid) == here),
            default=None,
        )
        if latest is None or latest == self._last.get(pid):
            return False
        self._last = {pid: latest}
        return True


class HttpSign:
    """Call the API. Any response is a sign of life."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, pid: int) -> bool:
        try:
            get(self._url, seconds=3).close()
        except (OSError, HTTPException):
            return False
        return True
