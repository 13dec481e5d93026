"""Submit functions as tasks, and read their results and logs."""

from typing import Any

from tests.integration.processes import Api

HANDLERS = "tests.integration.work,examples.handlers"


def submit(api: Api, type: str, payload: dict[str, Any] | None = None, **members: Any) -> str:
    body = {"task_name": "test", "type": type, "payload": payload or {}, **members}
    response = api.request("POST", "/tasks", json=body)
    assert response.status_code == 202, response.text
    return str(response.json()["task_id"])


def run(
    api: Api, type: str, payload: dict[str, Any] | None = None, **members: Any
) -> dict[str, Any]:
    """Return the task once it is final."""
    task_id = submit(api, type, payload, **members)
    return api.final(task_id)


def log(api: Api, task: dict[str, Any]) -> list[str]:
    lines = api.request("GET", f"/tasks/{task['task_id']}/logs").json()["lines"]
    return [line["message"] for line in lines]
