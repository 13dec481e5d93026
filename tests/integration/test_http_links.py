"""Links on real processes: one process makes them, each honours them, and no log holds them."""

import pytest

from tests.integration.following import Follower
from tests.integration.keyed import a_token, bearer
from tests.integration.processes import Api
from tests.integration.waiting import wait_until

SECRET = "s" * 43
API_SETTINGS = {"auth": "keys", "http_workers": 2, "link_secret": f"{SECRET},{'t' * 43}"}
LATER = {"task_name": "x", "duration": 1, "run_at": "2099-01-01T00:00:00Z"}


@pytest.fixture
def token(api: Api, redis_url: str) -> str:
    return a_token(redis_url, "operator")


def shared(api: Api, token: str, **body: object) -> dict[str, str]:
    """Submit a task. Returns the URLs of a link to it."""
    task = api.request("POST", "/tasks", json=LATER, headers=bearer(token)).json()["task_id"]
    link = api.request("POST", f"/tasks/{task}/links", json=body, headers=bearer(token))
    assert link.status_code == 200, link.text
    return dict(link.json()["urls"])


def test_each_process_honours_it_and_the_log_has_neither_token_nor_secret(
    api: Api, token: str
) -> None:
    urls = shared(api, token, actions=["read", "cancel"])

    for _ in range(8):
        assert api.request("GET", urls["task"]).status_code == 200
        assert api.request("GET", urls["log"]).status_code == 200
    assert api.request("GET", urls["task"].partition("?")[0]).status_code == 401
    assert api.request("POST", urls["cancel"]).json()["status"] == "CANCELLED"

    path = urls["cancel"].partition("?")[0]
    wait_until(lambda: path in api.output)
    assert "tl_" not in api.output
    assert SECRET not in api.output


def test_its_stream_ends_when_it_expires(api: Api, token: str) -> None:
    urls = shared(api, token, expires_in=3)
    follower = Follower(api, urls["events"])
    wait_until(follower.names)

    assert follower.ended.wait(60)
    assert api.request("GET", urls["events"]).status_code == 404
