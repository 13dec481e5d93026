"""Run tasks in the I/O pool of a worker, and find its process."""

from pathlib import Path
from typing import Any

import redis

from tests.integration.functions import submit
from tests.integration.processes import Api
from tests.integration.waiting import wait_until

HANDLERS = "tests.integration.io_work,tests.integration.gated_work"
API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS, "http_allowed_networks": "127.0.0.1/32"}
SETTINGS = {
    "handlers": HANDLERS,
    "worker_concurrency": 1,
    "io_concurrency": 40,
    "io_per_host": 10,
    "http_allowed_networks": "127.0.0.1/32",
}
MANY = 20


def wait_at(api: Api, gate: Path, number: int = MANY) -> list[str]:
    """Submit tasks that run until the gate exists. Returns their ids when all of them run."""
    ids = [submit(api, "wait_at", {"gate": str(gate), "name": str(at)}) for at in range(number)]
    wait_until(lambda: all(api.task(task_id)["status"] == "PROCESSING" for task_id in ids))
    return ids


def io_process(client: redis.Redis) -> int:
    """Return the id of the process of an I/O pool that runs tasks."""
    owners = wait_until(lambda: [owner for owner in client.hkeys("tm:held") if b"." in owner])
    return int(owners[0].rpartition(b":")[2].partition(b".")[0])


def ends(api: Api, ids: list[str]) -> set[tuple[Any, Any]]:
    """Return the statuses and attempts of tasks when all of them are final."""
    return {(task["status"], task["attempt"]) for task in map(api.final, ids)}
