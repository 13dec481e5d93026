"""Calls of the API of a stack, beside the dashboard that shows their effect."""

from typing import Any

import requests

from tests.integration.waiting import PATIENCE, wait_until

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "EXPIRED"}


def call(method: str, url: str, **options: Any) -> Any:
    """Return the JSON of a response below 400."""
    response = requests.request(method, url, timeout=PATIENCE, **options)
    assert response.ok, response.text
    return response.json() if response.content else None


def submitted(url: str, name: str, **members: Any) -> str:
    """Submit a task, by default a short one of the type sleep. Returns its id."""
    given = members if "type" in members else {"duration": 1, **members}
    task_id: str = call("POST", f"{url}/tasks", json={"task_name": name, **given})["task_id"]
    return task_id


def submitted_many(url: str, names: list[str], **members: Any) -> list[str]:
    """Submit tasks that wait until tomorrow, unless `members` say something else."""
    specification = {"duration": 1, "run_at": "2099-01-01T00:00:00Z", **members}
    ids: list[str] = []
    for first in range(0, len(names), 1000):
        tasks = [{"task_name": name, **specification} for name in names[first : first + 1000]]
        batch = call("POST", f"{url}/tasks/batch", json={"tasks": tasks})
        ids += [task["task_id"] for task in batch["tasks"]]
    return ids


def task_of(url: str, task_id: str) -> dict[str, Any]:
    task: dict[str, Any] = call("GET", f"{url}/tasks/{task_id}")
    return task


def final(url: str, task_id: str) -> dict[str, Any]:
    """Return the task when it is final."""
    wait_until(lambda: call("GET", f"{url}/tasks/{task_id}?wait=20")["status"] in FINAL)
    return task_of(url, task_id)
