"""GET /deliveries: the delivery attempts of all tasks, by a real maintenance process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver, Response
from tests.integration.test_redis_delivery_log import FAILED, log_many
from tests.integration.waiting import wait_until

NETWORKS = "127.0.0.1/32"
API_SETTINGS = {"http_workers": 1, "http_allowed_networks": NETWORKS}


@pytest.fixture
def deliverer(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    settings = {"http_allowed_networks": NETWORKS, "callback_secret": SECRET}
    with ServiceProcess(
        "maintenance", tmp_path / "m.log", redis_url=redis_url, **settings
    ) as process:
        yield process


def listed(api: Api, query: str = "") -> dict[str, Any]:
    response = api.request("GET", f"/deliveries{query}")
    assert response.status_code == 200, response.text
    return response.json()


def test_attempts_of_all_tasks_are_listed_filtered_and_sent_again(
    api: Api, deliverer: ServiceProcess, receiver: Receiver
) -> None:
    receiver.responses = [Response(204), Response(410), Response(500)]
    ids = []
    for number in range(1, 4):
        ids.append(api.submit(callback_url=f"{receiver.url}/{number}"))
        assert api.request("POST", f"/tasks/{ids[-1]}/cancel").status_code == 200
        wait_until(lambda number=number: len(listed(api)["deliveries"]) >= number)

    told = listed(api)

    assert [each["task_id"] for each in told["deliveries"]] == ids[::-1]
    assert [each["outcome"] for each in told["deliveries"]] == [
        "to_be_retried",
        "given_up",
        "delivered",
    ]
    assert {each["host"] for each in told["deliveries"]} == {"127.0.0.1"}
    assert (told["pending"], "next_cursor" in told) == (1, False)
    of_task = api.request("GET", f"/tasks/{ids[0]}/deliveries").json()["deliveries"]
    assert of_task == [
        {name: value for name, value in each.items() if name not in {"task_id", "host"}}
        for each in listed(api, f"?task_id={ids[0]}")["deliveries"]
    ]
    assert [each["task_id"] for each in listed(api, "?outcome=given_up")["deliveries"]] == [ids[1]]
    two = listed(api, "?outcome=given_up,delivered&page_size=1")
    rest = listed(api, f"?outcome=given_up,delivered&page_size=1&cursor={two['next_cursor']}")
    assert [each["task_id"] for each in two["deliveries"] + rest["deliveries"]] == [ids[1], ids[0]]
    receiver.responses = [Response(204)]
    again = api.request("POST", f"/tasks/{ids[1]}/deliveries/1/resend")
    assert again.status_code == 202
    wait_until(lambda: len(listed(api, f"?task_id={ids[1]}&outcome=delivered")["deliveries"]) == 1)
    assert api.request("DELETE", f"/tasks/{ids[1]}").status_code == 204
    assert len(listed(api, f"?task_id={ids[1]}")["deliveries"]) == 2


def test_parameters_are_checked(api: Api) -> None:
    for query in ("?outcome=failed", "?cursor=x", "?cursor=MS0=", "?page_size=101", "?x=1"):
        response = api.request("GET", f"/deliveries{query}")
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request"), query
    assert listed(api) == {"deliveries": [], "pending": 0}
    assert listed(api, "?task_id=nonsense")["deliveries"] == []


def test_sixteen_readers_search_the_whole_log_while_others_have_their_turn(
    api: Api, client: redis.Redis
) -> None:
    log_many(client, 1, FAILED)
    log_many(client, 10_000)

    with ThreadPoolExecutor(16) as pool:
        reads = [pool.submit(listed, api, "?outcome=given_up") for _ in range(16)]
        for _ in range(20):
            assert api.request("GET", "/livez").status_code == 200
        assert {len(read.result()["deliveries"]) for read in reads} == {1}
