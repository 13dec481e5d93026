"""Callbacks by a real maintenance process to a real receiver."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.http.address_rules import OPENED_BY
from adapters.http.signature import http_secret
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver, Response
from tests.integration.waiting import wait_until

NETWORKS = "127.0.0.1/32"
API_SETTINGS = {"http_workers": 1, "http_allowed_networks": NETWORKS}


@pytest.fixture(scope="module")
def maintenance(
    redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    log = tmp_path_factory.mktemp("maintenance") / "maintenance.log"
    settings = {
        "redis_url": redis_server_url,
        "http_allowed_networks": NETWORKS,
        "callback_secret": SECRET,
    }
    with ServiceProcess("maintenance", log, **settings) as maintenance:
        yield maintenance


def cancelled(api: Api, url: str, **members: Any) -> str:
    task_id = api.submit(callback_url=url, **members)
    assert api.request("POST", f"/tasks/{task_id}/cancel").status_code == 200
    return task_id


def deliveries(api: Api, task_id: str) -> list[dict[str, Any]]:
    return list(api.request("GET", f"/tasks/{task_id}/deliveries").json()["deliveries"])


def delivered(api: Api, task_id: str, number: int = 1) -> list[dict[str, Any]]:
    """Return the delivery attempts once that many are recorded."""

    def found() -> list[dict[str, Any]] | None:
        attempts = deliveries(api, task_id)
        return attempts if len(attempts) >= number else None

    return wait_until(found)


def test_the_receiver_gets_the_final_task_and_can_verify_it(
    api: Api, maintenance: ServiceProcess, receiver: Receiver, redis_server_url: str, tmp_path: Any
) -> None:
    with ServiceProcess(
        "worker", tmp_path / "worker.log", redis_url=redis_server_url, data_dir=tmp_path / "state"
    ):
        task_id = api.submit(
            duration=1, callback_url=f"{receiver.url}/told?x=1", labels={"team": "billing"}
        )
        task = api.wait_for(task_id, "COMPLETED")

    [request] = receiver.wait_for(1)
    message = Webhook(SECRET).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(str(http_secret(SECRET))).verify(request.body, request.headers)
    assert request.headers["webhook-id"].startswith("msg_")
    assert message == {"type": "task.completed", "timestamp": task["finished_at"], "data": task}
    assert task["callback_url"] == f"{receiver.url}/told?x=1"
    assert (request.method, request.path) == ("POST", "/told?x=1")
    assert request.headers["content-type"] == "application/json"
    [delivery] = delivered(api, task_id)
    assert (delivery["number"], delivery["event"], delivery["status"]) == (1, "task.completed", 200)
    assert delivery["message_id"] == request.headers["webhook-id"]
    assert (delivery["outcome"], "next_try" in delivery) == ("delivered", False)


def test_every_final_state_sends_a_webhook(
    api: Api, maintenance: ServiceProcess, receiver: Receiver
) -> None:
    cancelled(api, receiver.url)
    expired = {"run_at": "2099-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:01Z"}
    task_id = api.submit(callback_url=receiver.url, **expired)
    api.request(
        "PATCH", f"/tasks/{task_id}", json={"run_at": None, "expires_at": "2020-01-01T00:00:00Z"}
    )

    told = {request.json["type"] for request in receiver.wait_for(2)}

    assert told == {"task.cancelled", "task.expired"}


def test_a_failed_delivery_is_repeated_with_the_same_id(
    api: Api, maintenance: ServiceProcess, receiver: Receiver
) -> None:
    receiver.responses = [Response(503), Response(200)]

    task_id = cancelled(api, receiver.url)

    first, second = receiver.wait_for(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    failed, succeeded = delivered(api, task_id, 2)
    assert (failed["status"], succeeded["status"]) == (503, 200)
    assert (failed["outcome"], succeeded["outcome"]) == ("to_be_retried", "delivered")
    assert failed["next_try"] > failed["time"]
    assert "next_try" not in succeeded


@pytest.mark.parametrize(
    ("response", "seconds"),
    [
        (Response(500), 5),
        (Response(302, headers={"Location": "/"}), 5),
        (Response(429, headers={"Retry-After": "7200"}), 7_200),
    ],
)
def test_the_next_attempt_waits_as_the_specification_says_and_as_the_receiver_asks(
    api: Api, maintenance: ServiceProcess, receiver: Receiver, response: Response, seconds: int
) -> None:
    receiver.responses = [response]

    delivery, *_ = delivered(api, cancelled(api, receiver.url))

    pause = datetime.fromisoformat(delivery["next_try"]) - datetime.fromisoformat(delivery["time"])
    assert (delivery["status"], pause) == (response.status, timedelta(seconds=seconds))


def test_a_receiver_that_responds_410_gets_no_further_attempt(
    api: Api, maintenance: ServiceProcess, receiver: Receiver
) -> None:
    receiver.responses = [Response(410)]

    [delivery] = delivered(api, cancelled(api, receiver.url))

    assert (delivery["status"], delivery["outcome"], "next_try" in delivery) == (
        410,
        "given_up",
        False,
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://0x7f000002/",
        "http://2130706434:80/",
        "https://0xa9fea9fe/",
        "http://0x01010101/",
        "https://16843009:22/",
    ],
)
def test_a_url_that_leads_to_a_forbidden_address_is_given_up(
    api: Api, maintenance: ServiceProcess, url: str
) -> None:
    [delivery] = delivered(api, cancelled(api, url))

    assert "TASKS_HTTP_ALLOWED_NETWORKS" in delivery["error"]
    assert not {"status", "next_try"} & delivery.keys()


def test_a_refused_connection_is_an_error_and_attempted_again(
    api: Api, maintenance: ServiceProcess
) -> None:
    delivery, *_ = delivered(api, cancelled(api, "http://127.0.0.1:9/"))

    assert delivery["error"] == "Connection refused"
    assert "next_try" in delivery


def test_a_resent_webhook_is_unchanged_although_the_task_has_changed(
    api: Api, maintenance: ServiceProcess, receiver: Receiver
) -> None:
    task_id = cancelled(api, receiver.url)
    delivered(api, task_id)
    api.request("POST", f"/tasks/{task_id}/retry")

    response = api.request("POST", f"/tasks/{task_id}/deliveries/1/resend")

    assert (response.status_code, response.headers["Location"]) == (
        202,
        f"/tasks/{task_id}/deliveries",
    )
    first, second = receiver.wait_for(2)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert [delivery["number"] for delivery in delivered(api, task_id, 2)] == [1, 2]


def test_the_webhook_of_a_deleted_task_is_sent(
    api: Api, maintenance: ServiceProcess, receiver: Receiver
) -> None:
    task_id = cancelled(api, receiver.url)
    assert api.request("DELETE", f"/tasks/{task_id}").status_code == 204

    [request] = receiver.wait_for(1)

    assert request.json["data"]["task_id"] == task_id


def test_slow_receivers_delay_no_other_webhook(
    api: Api, maintenance: ServiceProcess, receiver: Receiver
) -> None:
    with Receiver() as slow:
        slow.responses = [Response(stall=lambda: receiver.wait_for(1))]
        for _ in range(8):
            cancelled(api, slow.url)
        slow.wait_for(8)

        cancelled(api, receiver.url)
        receiver.wait_for(1)


def test_an_unknown_task_or_delivery_is_not_found(api: Api) -> None:
    task_id = api.submit(callback_url="https://example.com/")
    nobody = "018f0000-0000-7000-8000-000000000000"

    responses = [
        api.request("GET", f"/tasks/{nobody}/deliveries"),
        api.request("POST", f"/tasks/{nobody}/deliveries/1/resend"),
        api.request("POST", f"/tasks/{task_id}/deliveries/1/resend"),
    ]

    assert [(response.status_code, response.json()["code"]) for response in responses] == [
        (404, "task_not_found"),
        (404, "task_not_found"),
        (404, "delivery_not_found"),
    ]
    assert deliveries(api, task_id) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.com/", "Must begin with https:// or http:// and a host."),
        ("https://a:b@example.com/", "Must not contain a user name, a password or a backslash."),
        ("https://exa mple.com/", "Must be a URL of at most 2048 ASCII characters without blanks."),
        (3, "Not a valid string."),
        ("https://127.0.0.2/", f"Must lead to a public address, not 127.0.0.2; {OPENED_BY}."),
        ("https://[::1]:8443/", f"Must lead to a public address, not ::1; {OPENED_BY}."),
        (
            "https://169.254.169.254/",
            f"Must lead to a public address, not 169.254.169.254; {OPENED_BY}.",
        ),
        ("http://1.1.1.1/", f"Must begin with https://; {OPENED_BY}."),
        ("https://1.1.1.1:22/", f"Must name port 443 or 80, not 22; {OPENED_BY}."),
    ],
)
def test_an_invalid_url_is_refused(api: Api, url: Any, message: str) -> None:
    response = api.request(
        "POST", "/tasks", json={"task_name": "test", "duration": 1, "callback_url": url}
    )

    assert response.status_code == 422
    assert response.json()["errors"] == [{"pointer": "/callback_url", "message": message}]


def test_the_url_can_be_changed_while_the_task_waits(api: Api) -> None:
    task_id = api.submit(callback_url="https://example.com/a")

    changed = api.request(
        "PATCH", f"/tasks/{task_id}", json={"callback_url": "https://example.com/b"}
    )
    removed = api.request("PATCH", f"/tasks/{task_id}", json={"callback_url": None})

    assert changed.json()["callback_url"] == "https://example.com/b"
    assert "callback_url" not in removed.json()
