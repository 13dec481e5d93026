"""TASKS_RATE_LIMIT on real processes: the count is exact over all of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from tests.integration.keyed import a_token, bearer
from tests.integration.processes import Api

API_SETTINGS = {"auth": "keys", "http_workers": 2, "rate_limit": "1000/day"}
CLIENTS, LIMIT = 16, 90
BODY = {"task_name": "x", "duration": 1}
BATCH = {"tasks": [BODY] * 3}


@pytest.fixture
def token(api: Api, redis_url: str) -> str:
    return a_token(redis_url, "operator", "--rate-limit", f"{LIMIT}/day")


def test_16_clients_of_one_key_use_its_limit_to_the_last_unit_and_no_more(
    api: Api, token: str, client: redis.Redis
) -> None:
    """Each client uses 5 units: a read, a submit and a batch of 3. Then all of them want more."""

    def use_five(_: int) -> list[int]:
        calls = (("GET", "/tasks", None), ("POST", "/tasks", BODY), ("POST", "/tasks/batch", BATCH))
        return [
            api.request(method, path, json=body, headers=bearer(token)).status_code
            for method, path, body in calls
        ]

    def want_one(number: int) -> int:
        method, body = (("GET", None), ("POST", BODY))[number % 2]
        return api.request(method, "/tasks", json=body, headers=bearer(token)).status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        used = [status for statuses in pool.map(use_five, range(CLIENTS)) for status in statuses]
        wanted = Counter(pool.map(want_one, range(4 * CLIENTS)))

    assert set(used) == {200, 202}
    left = LIMIT - 5 * CLIENTS
    assert wanted[429] == 4 * CLIENTS - left
    assert wanted[200] + wanted[202] == left
    assert client.zcard("tm:tasks") == 4 * CLIENTS + wanted[202]


def test_a_refusal_names_the_limit_and_other_keys_go_on(
    api: Api, token: str, redis_url: str
) -> None:
    other = a_token(redis_url, "viewer")
    path = "/tasks/batch"
    api.request("POST", path, json={"tasks": [BODY] * LIMIT}, headers=bearer(token))

    refused = api.request("POST", "/tasks", json=BODY, headers=bearer(token))

    assert refused.status_code == 429
    assert refused.headers["RateLimit-Policy"] == f'"default";q={LIMIT};w=86400'
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
    assert 80_000 < int(refused.headers["Retry-After"]) <= 88_000
    response = api.request("GET", "/tasks", headers=bearer(other))
    assert response.status_code == 200
    assert response.headers["RateLimit-Policy"] == '"default";q=1000;w=86400'
