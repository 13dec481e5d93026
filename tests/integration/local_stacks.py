"""The service on one machine, started by `task-manager local`, and its embedded server."""

import contextlib
import fcntl
import os
import re
import stat
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import requests

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import PATIENCE, START_SECONDS, wait_until

READY = re.compile(r"Task Manager API is ready: (http://\S+)")
STARTED = re.compile(r"^(\w+) +started \(process (\d+)\)$", re.MULTILINE)


class Local(ServiceProcess):
    """A stack on a free port: Redis, the API, a worker with one child, and maintenance."""

    def __init__(self, log: Path, data_dir: Path, **settings: object) -> None:
        defaults = {"http_workers": 1, "worker_concurrency": 1, "data_dir": data_dir}
        port = settings.pop("http_port", None) or free_port()
        super().__init__("local", log, **{**defaults, "http_port": port, **settings})

    def url(self) -> str:
        """Return the URL of the API when the stack is ready."""
        return str(wait_until(lambda: READY.search(self.output), START_SECONDS).group(1))

    def pid_of(self, name: str) -> int:
        """Return the id of the latest process of that name."""
        return dict(STARTED.findall(self.output)) and int(dict(STARTED.findall(self.output))[name])


class LocalStack(Local):
    """A stack of short leases on a given port, such as tests of crashes need."""

    def __init__(self, log: Path, data_dir: Path, port: int, **settings: object) -> None:
        super().__init__(log, data_dir, **{"http_port": port, "lease_seconds": 3, **settings})


class TerminalStack(LocalStack):
    """A stack that leads the session of a terminal of its own, as if a shell had started it."""

    def __enter__(self) -> Self:
        self.terminal, inside = os.openpty()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._arguments,
                env=self._environment,
                stdin=inside,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
        os.close(inside)
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        os.close(self.terminal)


@contextlib.contextmanager
def running(server: EmbeddedRedis) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server, and end it. It writes what it has replied before it ends."""
    process = server.start()
    try:
        wait_until(server.is_ready)
        yield process
    finally:
        process.terminate()
        process.wait()


def others_may(path: Path) -> list[str]:
    """Return the path and everything below it, if another user may use it."""
    everything = [path, *path.rglob("*")]
    return [str(each) for each in everything if stat.S_IMODE(each.lstat().st_mode) & 0o077]


def submit(url: str, duration: int = 1) -> str:
    answer = requests.post(
        f"{url}/tasks", json={"task_name": "test", "duration": duration}, timeout=PATIENCE
    )
    task_id: str = answer.json()["task_id"]
    return task_id


def status(url: str, task_id: str) -> str | None:
    try:
        answer = requests.get(f"{url}/tasks/{task_id}", timeout=PATIENCE)
    except requests.RequestException:
        return None
    return answer.json().get("status") if answer.ok else None
