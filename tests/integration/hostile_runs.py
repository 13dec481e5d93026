"""Run the handlers of hostile_work.py on real workers."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until

HANDLERS = "tests.integration.hostile_work"
SECRET = "whsec_" + "c2VjcmV0" * 4


def a_worker(redis_url: str, folder: Path, name: str = "worker", **settings: Any) -> ServiceProcess:
    defaults = {
        "data_dir": folder / "state",
        "worker_concurrency": 1,
        "io_concurrency": 0,
        "lease_seconds": 3,
        "handlers": HANDLERS,
    }
    return ServiceProcess(
        "worker", folder / f"{name}.log", redis_url=redis_url, **{**defaults, **settings}
    )


@contextlib.contextmanager
def worker_with_one_child(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    """Run a worker whose single child gets every run, and maintenance beside it.

    A wake-up may go to the connection of the worker before, which the server still has: maintenance
    puts another.
    """
    with (
        ServiceProcess(
            "maintenance", tmp_path / "maintenance.log", redis_url=redis_url, lease_seconds=3
        ),
        a_worker(redis_url, tmp_path, callback_secret=SECRET) as worker,
    ):
        yield worker


def submit(api: Api, type: str, **payload: Any) -> str:
    answer = api.request(
        "POST", "/tasks", json={"task_name": "test", "type": type, "payload": payload}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["task_id"])


def run(api: Api, type: str, **payload: Any) -> dict[str, Any]:
    return api.final(submit(api, type, **payload))


def left_behind(folder: Path, name: str) -> psutil.Process:
    file = folder / name
    wait_until(file.exists)
    return psutil.Process(int(file.read_text()))
