"""Real workers run tasks of a real Redis, watched through a real HTTP server."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from adapters.celery.wake_ups import WakeUpFactory
from tests.integration.functions import submit
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker

API_SETTINGS = {"http_workers": 1, "handlers": "tests.integration.gated_work"}


def finished_runs(worker: ServiceProcess) -> list[dict[str, Any]]:
    """Return the lines of the log about runs that have ended. The last line may not be whole."""
    whole = worker.output.rpartition("\n")[0]
    lines = map(json.loads, whole.splitlines())
    return [line for line in lines if line.get("action") == "run_finished"]


def test_a_task_goes_from_queued_to_completed(api: Api, worker: ServiceProcess) -> None:
    task_id = api.submit(duration=1)

    task = api.wait_for(task_id, "COMPLETED")

    assert task["result"] == "Task completed in 1 seconds"
    assert task["attempt"] == 1
    [line] = wait_until(lambda: finished_runs(worker))  # it is written after the result is stored
    said = {name: line[name] for name in ("level", "task_id", "type", "outcome", "attempt")}
    assert said == {
        "level": "info",
        "task_id": task_id,
        "type": "sleep",
        "outcome": "completed",
        "attempt": 1,
    }
    assert line["seconds"] >= 1
    assert str(task["submitted_at"]) <= str(task["started_at"]).replace("T", " ")


def test_tasks_that_waited_before_the_worker_came_are_run(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    ids = [api.submit(duration=1) for _ in range(3)]
    client.delete("task-manager.work.default")  # all wake-ups are lost, too

    with (
        ServiceProcess("maintenance", tmp_path / "maintenance.log", redis_url=redis_url),
        a_worker(redis_url, tmp_path / "worker.log"),
    ):
        for task_id in ids:
            api.wait_for(task_id, "COMPLETED")


def test_a_cancelled_task_is_never_run(api: Api, redis_url: str, tmp_path: Path) -> None:
    cancelled, other = api.submit(), api.submit()
    assert api.request("POST", f"/tasks/{cancelled}/cancel").status_code == 200

    with a_worker(redis_url, tmp_path / "worker.log"):
        api.wait_for(other, "COMPLETED")

    task = api.task(cancelled)
    assert (task["status"], task["attempt"]) == ("CANCELLED", 0)


def test_a_running_task_can_be_renamed_and_keeps_its_result(
    api: Api, worker: ServiceProcess, tmp_path: Path
) -> None:
    task_id = submit(api, "hold", {"gate": str(tmp_path / "gate")})
    api.wait_for(task_id, "PROCESSING")

    assert (
        api.request("PATCH", f"/tasks/{task_id}", json={"task_name": "renamed"}).status_code == 200
    )
    refused = api.request("PATCH", f"/tasks/{task_id}", json={"priority": 9})
    assert (refused.status_code, refused.json()["code"]) == (409, "task_not_waiting")
    assert api.request("DELETE", f"/tasks/{task_id}").json()["code"] == "task_running"

    (tmp_path / "gate").touch()
    task = api.wait_for(task_id, "COMPLETED")
    assert (task["task_name"], task["result"]) == ("renamed", "held")


@pytest.mark.slow
def test_a_lease_is_renewed_for_as_long_as_the_task_runs(
    api: Api, worker_of_short_leases: ServiceProcess, maintenance: ServiceProcess
) -> None:
    longer_than_two_leases = 7
    task_id = api.submit(duration=longer_than_two_leases)

    task = api.wait_for(task_id, "COMPLETED")

    assert task["attempt"] == 1


def test_a_running_task_that_is_cancelled_stops_and_the_worker_goes_on(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=600)
    api.wait_for(task_id, "PROCESSING")

    answer = api.request("POST", f"/tasks/{task_id}/cancel")

    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
    task = api.wait_for(task_id, "CANCELLED")
    assert task["error"]["code"] == "cancelled"
    api.wait_for(api.submit(duration=1), "COMPLETED")


def test_a_run_ends_at_its_timeout(api: Api, worker: ServiceProcess) -> None:
    task_id = api.submit(duration=600, timeout=2)

    task = api.wait_for(task_id, "FAILED")

    assert task["error"] == {
        "code": "timeout",
        "message": "The run took longer than its timeout of 2 seconds.",
    }


def test_a_scheduled_task_runs_when_it_is_due_and_one_that_came_too_late_never(
    api: Api, worker: ServiceProcess, maintenance: ServiceProcess, client: redis.Redis
) -> None:
    now = datetime.fromtimestamp(client.time()[0], UTC)
    late = api.submit(run_at=(now + timedelta(days=1)).isoformat())
    expired = api.submit(
        queue="nobody-serves-this", expires_at=(now + timedelta(seconds=2)).isoformat()
    )
    now = datetime.fromtimestamp(client.time()[0], UTC)
    run_at = (now + timedelta(seconds=4)).isoformat()
    body = {"task_name": "test", "duration": 1, "run_at": run_at}
    submitted = api.request("POST", "/tasks", json=body).json()
    due = submitted["task_id"]
    assert {submitted["status"], api.task(late)["status"]} == {"SCHEDULED"}

    task = api.wait_for(due, "COMPLETED")

    assert datetime.fromisoformat(str(task["started_at"])) >= now + timedelta(seconds=4)
    assert api.task(late)["status"] == "SCHEDULED"
    assert api.wait_for(expired, "EXPIRED")["error"]["code"] == "expired"


def test_a_worker_takes_tasks_of_its_queues_only(api: Api, redis_url: str, tmp_path: Path) -> None:
    mine, other = api.submit(queue="reports"), api.submit(queue="mails")

    with a_worker(redis_url, tmp_path / "worker.log", queues="reports,images"):
        api.wait_for(mine, "COMPLETED")
        assert api.task(other)["status"] == "QUEUED"


def test_whatever_another_program_puts_into_a_list_of_wake_ups_is_one(
    api: Api, worker: ServiceProcess, client: redis.Redis, wake_up_factory: WakeUpFactory
) -> None:
    """Kombu and Celery end the worker at most of these messages."""
    wake_ups = "task-manager.work.default"
    wait_until(lambda: client.zcard("tm:alive:worker"))
    message = json.loads(wake_up_factory.wake_up_of("default").template)
    others = [
        *(message | {"body": 5}, message | {"headers": 5}, message | {"properties": {}}),
        message | {"headers": message["headers"] | {"timelimit": ["soon", "later"]}},
    ]
    client.rpush(wake_ups, b"", b"\xff", "null", "[]", "[" * 100_000, *map(json.dumps, others))
    wait_until(lambda: not client.llen(wake_ups))

    assert api.final(api.submit(duration=1))["status"] == "COMPLETED"
    assert not worker.has_ended


def test_progress_is_seen_while_the_task_runs(api: Api, worker: ServiceProcess) -> None:
    task_id = api.submit(duration=60)

    [task] = wait_until(lambda: [task for task in [api.task(task_id)] if task.get("progress")])

    assert 0 < task["progress"]["fraction"] < 1
    assert task["version"] == 2


def test_final_tasks_are_removed_when_their_retention_is_over(
    api: Api, redis_url: str, tmp_path: Path
) -> None:
    task_id = api.submit()
    api.request("POST", f"/tasks/{task_id}/cancel")
    waiting = api.submit()

    with ServiceProcess(
        "maintenance", tmp_path / "m.log", redis_url=redis_url, retention_seconds=1
    ):
        wait_until(lambda: api.request("GET", f"/tasks/{task_id}").status_code == 404)

    assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 1
    assert api.task(waiting)["status"] == "QUEUED"
