"""schemathesis against a running server: every response matches the specification.

`make fuzz` takes more examples. No worker runs. Endless streams have tests of their own.
"""

import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("EXAMPLES", "20"))
schema = schemathesis.openapi.from_path("docs/openapi.json").exclude(path="/events", method="GET")


@pytest.fixture(scope="module")
def task_ids(server: Api) -> list[str]:
    """Return the ids of tasks in several statuses."""
    ids = [server.submit(labels={"number": str(number)}) for number in range(6)]
    server.request("POST", f"/tasks/{ids[0]}/cancel")
    server.request("PATCH", f"/tasks/{ids[1]}", json={"run_at": "2999-01-01T00:00:00Z"})
    return ids


@schema.parametrize()
@pytest.mark.parametrize("examples", [EXAMPLES])  # or pytest gives all operations one node id
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_response_matches_the_specification(
    case: Any, examples: int, server: Api, task_ids: list[str]
) -> None:
    _shorten_waits(case)
    if "task_id" in (case.path_parameters or {}):
        case.path_parameters["task_id"] = _sometimes_real(case, task_ids)
    if case.path.endswith("/events"):
        case.path_parameters["task_id"] = _final_task(server)  # its stream ends

    with requests.Session() as session:
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{server.port}",
            session=session,
            timeout=PATIENCE,
            excluded_checks=[
                positive_data_acceptance
            ],  # no schema says that expires_at must be later than run_at
        )


def _final_task(server: Api) -> str:
    """Return the id of a new task, which no other operation has changed."""
    task_id = server.submit()
    assert server.request("POST", f"/tasks/{task_id}/cancel").status_code == 200
    return task_id


def _shorten_waits(case: Any) -> None:
    if case.query and str(case.query.get("wait", "")).isdigit():
        case.query["wait"] = 0
    if case.headers:
        case.headers.pop("Prefer", None)


def _sometimes_real(case: Any, task_ids: list[str]) -> str:
    """Return the id of an existing or deleted task for every second case."""
    number = len(repr(case.body)) + len(repr(case.query)) + len(repr(case.headers))
    given: str = case.path_parameters["task_id"]
    return task_ids[number // 2 % len(task_ids)] if number % 2 else given
