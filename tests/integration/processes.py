"""The processes of the service, started as a user starts them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from tests.integration.ports import free_port
from tests.integration.waiting import PATIENCE, START_SECONDS, wait_until


class ServiceProcess:
    """One `task-manager` command. Leaving the context kills it and its children.

    They are dead then, so that none of their connections takes a wake-up of the next test.
    """

    def __init__(self, command: str, log: Path, **settings: object) -> None:
        self._arguments = [sys.executable, "-m", "entrypoints.cli", *command.split()]
        self.log = log
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TASKS_")},
            **{f"TASKS_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        children = self.children()
        self.process.kill()  # first, or it starts again what is killed
        self.process.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        wait_until(lambda: all(map(is_dead, children)))

    def start(self) -> None:
        """Start it, or start it again after its end, with the same settings and log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._arguments,
                env=self._environment,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def output(self) -> str:
        return self.log.read_text()

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> float:
        """Send SIGKILL to the parent alone. Returns the moment, by time.monotonic()."""
        self.process.kill()
        moment = time.monotonic()
        self.process.wait()
        return moment

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop. Returns its exit code."""
        self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Wait until it has ended. Returns its exit code."""
        return self.process.wait(START_SECONDS)  # it may refuse to start


class Api(ServiceProcess):
    def __init__(self, log: Path, **settings: object) -> None:
        self.port = free_port()
        super().__init__("api", log, http_port=self.port, **settings)

    def start(self) -> None:
        super().start()
        wait_until(self._is_alive, START_SECONDS)

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(method, url, timeout=PATIENCE, **options)  # type: ignore[arg-type]

    def connections(self) -> int:
        """Return the number of connections that clients have to it."""
        return sum(
            connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == self.port
            for child in self.children()
            for connection in child.net_connections()
        )

    def submit(self, **members: object) -> str:
        response = self.request(
            "POST", "/tasks", json={"task_name": "test", "duration": 1, **members}
        )
        assert response.status_code == 202, response.text
        task_id: str = response.json()["task_id"]
        return task_id

    def task(self, task_id: str) -> dict[str, object]:
        response = self.request("GET", f"/tasks/{task_id}")
        assert response.status_code == 200, response.text
        task: dict[str, object] = response.json()
        return task

    def wait_for(self, task_id: str, status: str, seconds: float = PATIENCE) -> dict[str, object]:
        wait_until(lambda: self.task(task_id)["status"] == status, seconds)
        return self.task(task_id)

    def final(self, task_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the task when it is final."""

        def ended() -> dict[str, Any]:
            task: dict[str, Any] = self.request("GET", f"/tasks/{task_id}?wait=20").json()
            return task if "finished_at" in task else {}

        return wait_until(ended, seconds)

    def _is_alive(self) -> bool:
        try:
            return self.request("GET", "/livez").status_code == 200
        except requests.RequestException:
            return False


def is_dead(process: psutil.Process) -> bool:
    """Return whether the process is gone or a zombie, which may be reaped at any moment."""
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
