"""Follow a stream of Server-Sent Events as a client does."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE, wait_until

Event = dict[str, Any]
READ_BYTES = 65_536


class Follower:
    """A client that reads a stream in the background."""

    def __init__(
        self,
        api: Api,
        path: str,
        last_event_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        headers = {**(headers or {})}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.response = requests.get(
            f"http://127.0.0.1:{api.port}{path}", headers=headers, stream=True, timeout=PATIENCE
        )
        self.events: list[Event] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def names(self) -> list[str]:
        return [event["event"] for event in self.events]

    def wait_for(self, *names: str, seconds: float = 20) -> list[Event]:
        """Wait until these are its last events, and return them."""
        wait_until(lambda: self.names()[-len(names) :] == list(names), seconds)
        return self.events[-len(names) :]

    def _read(self) -> None:
        event: Event = {}
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            for line in self._lines():
                if not line:
                    if "event" in event:
                        self.events.append({**event, "data": json.loads(event["data"])})
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    event[name] = value
        self.ended.set()

    def _lines(self) -> Iterator[str]:
        """Yield the lines as they come.

        requests reads byte by byte, which takes a minute for megabytes.
        """
        rest = b""
        while data := self.response.raw.read1(READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line.decode()
