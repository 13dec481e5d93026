"""A user of Redis who may do only what docs/operations.md says can run the whole service."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from celery import Celery

from tests.chaos.server import ChaosServer
from tests.chaos.watched_servers import SYNC_AT_ONCE
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver
from tests.integration.waiting import PATIENCE, wait_until

RULE = re.search(
    r"^user (tasks) on >password (.+)$",
    (Path(__file__).parents[2] / "docs" / "operations.md").read_text(),
    re.MULTILINE,
)
BACKEND = "adapters.celery.result_backend:TaskResultBackend"


@pytest.fixture
def master(tmp_path: Path) -> Iterator[ChaosServer]:
    """A server with the user of the page, and a replica that follows it."""
    master = ChaosServer(tmp_path / "master", "everysec", *SYNC_AT_ONCE)
    following = ("--replicaof", "127.0.0.1", str(master.port))
    replica = ChaosServer(tmp_path / "replica", "everysec", *SYNC_AT_ONCE, *following)
    for server in (master, replica):
        server.start()
    assert RULE
    name, rules = RULE.groups()
    master.client.execute_command("ACL", "SETUSER", name, "on", ">password", *rules.split())
    wait_until(lambda: master.client.wait(1, 100))
    yield master
    for server in (replica, master):
        server.kill()
        server.client.close()


@pytest.fixture
def settings(master: ChaosServer, tmp_path: Path) -> dict[str, object]:
    return {
        "redis_url": f"redis://tasks:password@127.0.0.1:{master.port}/0",
        "redis_min_replicas": 1,
        "data_dir": tmp_path / "data",
        "handlers": "tests.integration.work",
        "http_allowed_networks": "127.0.0.0/8",
        "callback_secret": SECRET,
        "lease_seconds": 3,
    }


@pytest.mark.slow
def test_a_restricted_user_can_run_the_whole_service(
    master: ChaosServer, settings: dict[str, object], receiver: Receiver, tmp_path: Path
) -> None:
    with (
        Api(tmp_path / "api.log", http_workers=1, **settings) as api,
        ServiceProcess("maintenance", tmp_path / "maintenance.log", **settings),
        ServiceProcess("worker", tmp_path / "worker.log", worker_concurrency=2, **settings),
    ):
        live_a_whole_life(api, receiver.url)
        read_everything(api)
        change_many(api)
        result = Celery(backend=f"{BACKEND}+{settings['redis_url']}").AsyncResult(run(api, "greet"))
        assert result.get(timeout=PATIENCE)
        for part in ("worker", "maintenance"):
            with ServiceProcess(
                f"health {part}", tmp_path / f"{part}-health.log", **settings
            ) as it:
                assert it.exit_code() == 0, it.output
        assert receiver.requests
        forgetful = {**settings, "retention_seconds": 1}
        with ServiceProcess("maintenance", tmp_path / "forgetful.log", **forgetful):
            wait_until(lambda: not ok(api, "GET", "/tasks")["tasks"])

    denials = master.client.execute_command("ACL", "LOG")
    assert denials == []


def ok(api: Api, method: str, path: str, **options: object) -> dict[str, list[dict[str, object]]]:
    response = api.request(method, path, **options)
    assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
    found: dict[str, list[dict[str, object]]] = response.json() if response.content else {}
    return found


def submit(api: Api, **members: object) -> str:
    body = {"task_name": "test", "type": "sleep", "duration": 1, **members}
    body = {name: value for name, value in body.items() if value is not None}
    headers = {"Idempotency-Key": str(uuid4())}
    return str(ok(api, "POST", "/tasks", json=body, headers=headers)["task_id"])


def run(api: Api, type: str, **payload: object) -> str:
    """Submit a function as a task. Returns its id when the task is final."""
    payload = {"name": "Ada", **payload} if type == "greet" else payload
    task_id = submit(api, type=type, duration=None, payload=payload)
    assert api.final(task_id)["status"] in {"COMPLETED", "FAILED"}
    return task_id


def live_a_whole_life(api: Api, callback_url: str) -> None:
    """Submit, run, report, fail, retry, cancel, expire, change, delete."""
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    far = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    with requests.get(f"http://127.0.0.1:{api.port}/events", stream=True, timeout=PATIENCE) as all_:
        done = submit(api, labels={"team": "a"}, callback_url=callback_url)
        with requests.get(
            f"http://127.0.0.1:{api.port}/tasks/{done}/events", stream=True, timeout=PATIENCE
        ) as stream:
            assert any(b"task.completed" in line for line in stream.iter_lines())
        assert next(all_.iter_lines())
    run(api, "count_to", number=3)
    failed = run(api, "order", product="tea")
    ok(api, "POST", f"/tasks/{failed}/retry")
    for path in ("", "/logs", "/attempts", "/deliveries"):
        ok(api, "GET", f"/tasks/{failed}{path}")
    wait_until(lambda: ok(api, "GET", f"/tasks/{done}/deliveries")["deliveries"])
    ok(api, "POST", f"/tasks/{done}/deliveries/1/resend")
    running = submit(api, duration=30)
    api.wait_for(running, "PROCESSING")
    ok(api, "POST", f"/tasks/{running}/cancel")
    assert api.final(running)["status"] == "CANCELLED"
    later = submit(api, run_at=far, priority=5)
    ok(api, "PATCH", f"/tasks/{later}", json={"run_at": soon, "labels": {"team": "b"}})
    assert api.final(later)["status"] == "COMPLETED"
    nowhere = submit(api, queue="nowhere", expires_at=soon)
    assert api.final(nowhere)["status"] == "EXPIRED"
    ok(api, "POST", "/queues/nowhere/pause")  # the pause keeps the name without a task
    ok(api, "DELETE", f"/tasks/{nowhere}")
    ok(api, "DELETE", "/queues/nowhere")


def read_everything(api: Api) -> None:
    for path in (
        "/tasks?status=COMPLETED&label=team:a&sort=-submitted_at",
        "/tasks?q=test&type=sleep",
        "/tasks?submitted_after=2020-01-01T00:00:00Z&full=true",
        "/tasks/counts",
        "/queues",
        "/queues/default/scaling",
        "/workers",
        "/types",
        "/deliveries",
        "/stats",
        "/stats/series",
        "/readyz",
        "/livez",
    ):
        ok(api, "GET", path)


def change_many(api: Api) -> None:
    ok(api, "POST", "/queues/default/pause")
    bodies = [{"task_name": "one of many", "duration": 1}] * 3
    ok(api, "POST", "/tasks/batch", json={"tasks": bodies})
    ok(api, "POST", "/tasks/actions", json={"action": "cancel", "filter": {"q": "one of many"}})
    ok(api, "POST", "/queues/default/resume")
