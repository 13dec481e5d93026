"""Secrets that a run is given are in nothing that it produces: logs, responses, files."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from tests.chaos.server import ChaosServer
from tests.integration.following import Follower
from tests.integration.keyed import bearer, run_keys
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import wait_until

PASSWORD = f"password-{uuid4().hex}"
SIGNING_KEY = base64.b64encode(uuid4().bytes + uuid4().bytes).decode()
SENT = f"sent-{uuid4().hex}"
"""A secret in a payload: who may read the task may read it, and nobody else."""
PATHS = (
    "/tasks?full=true",
    "/tasks/counts",
    "/queues",
    "/workers",
    "/types",
    "/stats",
    "/stats/series",
    "/deliveries",
    "/keys",
    "/session",
    "/metrics",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/docs",
    "/ui/",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChaosServer]:
    server = ChaosServer(tmp_path / "redis", "always")
    start(server)
    yield server
    server.kill()
    server.client.close()


def start(server: ChaosServer) -> None:
    """Start the server with a user of its own for the service."""
    server.start()
    rules = f"on >{PASSWORD} ~* &* +@all".split()
    server.client.execute_command("ACL", "SETUSER", "tasks", *rules)


@pytest.mark.slow
def test_what_a_run_produces_has_none_of_its_secrets(
    server: ChaosServer, receiver: Receiver, tmp_path: Path
) -> None:
    url = f"redis://tasks:{PASSWORD}@127.0.0.1:{server.port}/0"
    receiver.responses = [Response(500, "no")]
    settings: dict[str, object] = {
        "auth": "keys",
        "redis_url": url,
        "data_dir": tmp_path / "data",
        "callback_secret": f"whsec_{SIGNING_KEY}",
        "http_allowed_networks": "127.0.0.0/8",
    }
    logs = {part: tmp_path / f"{part}.log" for part in ("api", "worker", "maintenance")}
    made = run_keys(url, "create", "root", "--role", "admin")
    token = made.stdout.strip()
    with ExitStack() as stack:
        api = stack.enter_context(Api(logs["api"], http_workers=1, **settings))
        parts = [
            stack.enter_context(ServiceProcess(part, logs[part], **settings))
            for part in ("worker", "maintenance")
        ]
        used, told = use(api, receiver, token)
        server.kill()
        unavailable = api.request("GET", "/tasks", headers=bearer(token))
        assert unavailable.status_code == 503
        start(server)
        wait_until(lambda: api.request("GET", "/tasks", headers=bearer(token)).ok)
        told += [unavailable.text, *read_all(api, token)]
        command_lines = [
            " ".join(process.cmdline())
            for part in (api, *parts)
            for process in (psutil.Process(part.pid), *part.children())
        ]

    produced = {
        "logs": "".join(log.read_text() for log in logs.values()) + made.stderr,
        "command lines": "\n".join(command_lines),
        "responses": "\n".join(told),
        "files": "".join(
            file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()
        ),
    }
    assert all(produced.values())
    secrets = {"the password": PASSWORD, "the key of callbacks": SIGNING_KEY, **used}
    found = [
        (what, name) for what, text in produced.items() for name in secrets if secrets[name] in text
    ]
    found += [(what, "the payload") for what in ("logs", "command lines") if SENT in produced[what]]
    assert found == []


def use(api: Api, receiver: Receiver, token: str) -> tuple[dict[str, str], list[str]]:
    """Call the API rightly and wrongly. Returns the secrets that came up, and what was told."""
    headers = bearer(token)
    wrong = f"{token[:-4]}none"
    session = api.request("POST", "/session", headers=headers)
    cookie = session.cookies["tm_session"]
    created = api.request(
        "POST", "/keys", headers=headers, json={"name": "shop", "role": "submitter"}
    ).json()
    rotated = api.request("POST", f"/keys/{created['key_id']}/rotate", headers=headers, json={})
    payload = {"url": receiver.url, "headers": {"Authorization": f"Bearer {SENT}"}}
    body: dict[str, Any] = {"task_name": "calls", "type": "http", "payload": payload}
    task = api.request(
        "POST", "/tasks", headers=headers, json={**body, "callback_url": receiver.url}
    ).json()["task_id"]
    follower = Follower(api, f"/tasks/{task}/events?logs=true", headers=headers)
    follower.ended.wait()
    wait_until(lambda: len(receiver.requests) > 1)  # the call, and its callback
    answers = [
        api.request("GET", "/tasks", headers=bearer(wrong)),
        api.request("GET", "/tasks", cookies={"tm_session": f"{cookie}x"}),
        api.request("GET", "/tasks", headers={"Authorization": f"Basic {wrong}"}),
        api.request("POST", "/queues/default/pause", cookies={"tm_session": cookie}),
        api.request("POST", "/tasks", headers=headers, json={**body, "priority": "high"}),
        api.request("GET", "/tasks/unknown", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 403, 422, 404]
    used = {
        "the key": token.split("_", 2)[2],
        "a wrong key": wrong.split("_", 2)[2],
        "a session": cookie,
        "a rotated key": created["token"].split("_", 2)[2],
        "the newest key": rotated.json()["token"].split("_", 2)[2],
    }
    told = [answer.text for answer in answers] + [session.text, repr(follower.events)]
    return used, told + read_all(api, token) + task_parts(api, task, token)


def read_all(api: Api, token: str) -> list[str]:
    responses = [api.request("GET", path, headers=bearer(token)) for path in PATHS]
    assert {response.status_code for response in responses} == {200}
    return [response.text for response in responses]


def task_parts(api: Api, task: str, token: str) -> list[str]:
    parts = ("", "/logs", "/attempts", "/deliveries")
    return [
        api.request("GET", f"/tasks/{task}{part}", headers=bearer(token)).text for part in parts
    ]
