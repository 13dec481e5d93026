"""Read a task, a list and a stream beside other load, and time each response."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks.load import Address
from benchmarks.processes import NotReady

REQUEST_SECONDS = 120.0
PAUSE_SECONDS = 0.02
"""Pause between two requests of one reader."""
HEADERS = {"Content-Type": "application/json"}
TASK = {"task_name": "one of many", "duration": 1}


class Readers:
    """Read a task, a list and a stream, each in a thread of its own."""

    def __init__(self, address: Address) -> None:
        self.seconds: dict[str, list[float]] = {"read": [], "list": [], "stream": []}
        self.refused = 0
        self._address = address
        self._over = threading.Event()
        self._threads = ThreadPoolExecutor(3)

    def __enter__(self) -> "Readers":
        task_id = self._new_task()
        changed = self._new_task()
        turns = {
            "read": self._getting(f"/tasks/{task_id}"),
            "list": self._getting("/tasks?page_size=10"),
            "stream": self._following(changed),
        }
        self._calls = [
            self._threads.submit(self._repeat, each, self.seconds[kind])
            for kind, each in turns.items()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._threads.shutdown()
        for each in self._calls:
            each.result()

    def _repeat(self, turns: Iterator[float], seconds: list[float]) -> None:
        for one in turns:
            seconds.append(one)
            if self._over.wait(PAUSE_SECONDS):
                return

    def _new_task(self) -> str:
        _, _, response = call(
            self._address, "POST", "/tasks", json.dumps(TASK | {"queue": "nobody"})
        )
        task_id: str = json.loads(response)["task_id"]
        return task_id

    def _getting(self, path: str) -> Iterator[float]:
        while True:
            began = time.perf_counter()
            status, _, _ = call(self._address, "GET", path)
            if status != 200:
                self.refused += 1
            yield time.perf_counter() - began

    def _following(self, task_id: str) -> Iterator[float]:
        """Change a task again and again, and wait for the event of each change."""
        path = f"/tasks/{task_id}"
        with connection_to(self._address) as stream:
            stream.request("GET", f"{path}/events")
            events = stream.getresponse()
            for number in range(1_000_000):
                name = f"change {number}"
                began = time.perf_counter()
                status, _, _ = call(self._address, "PATCH", path, json.dumps({"task_name": name}))
                if status != 200:
                    self.refused += 1
                    yield time.perf_counter() - began
                    continue
                while f'"{name}"'.encode() not in (line := events.readline()):
                    if not line:
                        raise NotReady("the stream ended")
                yield time.perf_counter() - began


def call(
    address: Address, method: str, path: str, body: str | None = None
) -> tuple[int, float, bytes]:
    """Send a request over a new connection; return status, seconds of Retry-After and body."""
    with connection_to(address) as connection:
        connection.request(method, path, body, HEADERS if body else {})
        response = connection.getresponse()
        return response.status, float(response.headers.get("Retry-After", 1)), response.read()


@contextmanager
def connection_to(address: Address) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(*address, timeout=REQUEST_SECONDS)
    try:
        yield connection
    finally:
        connection.close()
