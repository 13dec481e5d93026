"""TASKS_AUTH=keys on real processes: keys of the host, streams, several processes, and a proxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration.following import Follower
from tests.integration.keyed import a_token, bearer, run_keys, status
from tests.integration.processes import Api
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker

API_SETTINGS = {"auth": "keys", "http_workers": 2}


@pytest.fixture
def admin(api: Api, redis_url: str) -> str:
    """The token of an admin, made on the host."""
    return a_token(redis_url, "admin")


def test_the_host_makes_lists_rotates_and_revokes_keys(
    api: Api, redis_url: str, admin: str
) -> None:
    assert status(api, admin) == 200
    made = run_keys(redis_url, "create", "shop", "--role", "viewer", "--label", "tenant=acme")
    token = made.stdout.strip()
    key_id = token.split("_")[1]
    assert made.stdout == f"{token}\n"
    assert "not shown again" in made.stderr
    assert status(api, token) == 200

    listed = run_keys(redis_url, "list").stdout
    assert f"{key_id}  viewer shop (tenant=acme)" in listed
    assert token.split("_", 2)[2] not in listed

    rotated = run_keys(redis_url, "rotate", key_id).stdout.strip()
    assert [status(api, rotated) for _ in range(6)] == [200] * 6
    wait_until(lambda: [status(api, token) for _ in range(6)] == [401] * 6)

    assert run_keys(redis_url, "revoke", key_id).returncode == 0
    wait_until(lambda: [status(api, rotated) for _ in range(6)] == [401] * 6)
    assert run_keys(redis_url, "create", "again", "--role", "admin", "--if-first").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("revoke", "nobody"), "There is no key 'nobody'"),
        (("rotate", "nobody"), "There is no key 'nobody'"),
        (("create", "x", "--role", "admin", "--queue", "a"), "cannot be bound"),
        (("create", "x", "--role", "viewer", "--label", "a"), "Must be key=value"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    redis_url: str, arguments: tuple[str, ...], told: str
) -> None:
    refused = run_keys(redis_url, *arguments)

    assert refused.returncode == 1
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_redis_the_command_says_where_it_looked() -> None:
    refused = run_keys("redis://127.0.0.1:1/0", "list")

    assert refused.returncode == 1
    assert "Check that Redis runs at TASKS_REDIS_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/events", "/tasks/{task}/events?logs=true"])
def test_the_streams_of_a_revoked_key_end(api: Api, redis_url: str, admin: str, path: str) -> None:
    token = a_token(redis_url, "operator")
    later = {"task_name": "later", "duration": 1, "run_at": "2099-01-01T00:00:00Z"}
    task = api.request("POST", "/tasks", json=later, headers=bearer(token)).json()["task_id"]
    mine = path.format(task=task)
    revoked, other = (Follower(api, mine, headers=bearer(each)) for each in (token, admin))
    wait_until(revoked.names)
    wait_until(other.names)

    run_keys(redis_url, "revoke", token.split("_")[1])

    assert revoked.ended.wait(60)
    renamed = {"task_name": "renamed"}
    api.request("PATCH", f"/tasks/{task}", json=renamed, headers=bearer(admin))
    other.wait_for("task.updated", seconds=60)
    assert "task.updated" not in revoked.names()
    other.response.close()


@pytest.mark.slow
def test_a_wait_of_a_revoked_key_gets_no_task(api: Api, redis_url: str, tmp_path: Path) -> None:
    token = a_token(redis_url, "operator")
    body = {"task_name": "waits", "duration": 8}
    task = api.request("POST", "/tasks", json=body, headers=bearer(token)).json()["task_id"]
    with a_worker(redis_url, tmp_path / "worker.log"):
        run_keys(redis_url, "revoke", token.split("_")[1])
        response = api.request("GET", f"/tasks/{task}?wait=30", headers=bearer(token))

    assert response.status_code == 401


def test_the_log_names_the_key_and_never_its_secret(api: Api, redis_url: str, admin: str) -> None:
    body = {"task_name": "x", "duration": 1}
    api.request("POST", "/tasks", json=body, headers=bearer(admin))
    api.request("GET", "/tasks", headers=bearer(f"{admin[:-2]}xx"))

    _, key_id, secret = admin.split("_", 2)
    wait_until(lambda: f'"key_id": "{key_id}"' in api.output)
    assert secret not in api.output
    assert secret[:-2] not in api.output


def test_many_clients_with_keys_of_their_own_are_told_apart(
    api: Api, redis_url: str, admin: str, client: redis.Redis
) -> None:
    tokens = [a_token(redis_url, "submitter") for _ in range(4)]
    body = {"task_name": "x", "duration": 1}
    for token in tokens * 3:
        assert api.request("POST", "/tasks", json=body, headers=bearer(token)).status_code == 202

    for token in tokens:
        page = api.request("GET", "/tasks", headers=bearer(token)).json()
        assert {task["submitted_by"] for task in page["tasks"]} == {token.split("_")[1]}
        assert page["pagination"]["total_tasks"] == 3
        assert "queue_position" not in page["tasks"][0]
    assert (
        api.request("GET", "/tasks", headers=bearer(admin)).json()["pagination"]["total_tasks"]
        == len(tokens) * 3
    )


@pytest.fixture
def proxied(redis_url: str, tmp_path: Path) -> Iterator[Api]:
    with Api(
        tmp_path / "api.log",
        redis_url=redis_url,
        auth="keys",
        http_workers=1,
        http_trusted_proxies="127.0.0.0/8",
    ) as api:
        yield api


def test_behind_a_trusted_proxy_with_tls_the_cookie_is_secure(
    api: Api, proxied: Api, redis_url: str, admin: str
) -> None:
    forwarded = {**bearer(admin), "X-Forwarded-Proto": "https"}

    trusted = proxied.request("POST", "/session", headers=forwarded)
    untrusted = api.request("POST", "/session", headers=forwarded)

    assert (trusted.status_code, untrusted.status_code) == (201, 201)
    assert "Secure" in trusted.headers["Set-Cookie"]
    assert "Secure" not in untrusted.headers["Set-Cookie"]
