"""Tasks of the type http, run by a real worker."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.http.signature import http_secret
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver, Response

FAST = {"initial_delay": 0, "jitter": 0}
HTTP_SECRET = str(http_secret(SECRET))
API_SETTINGS = {"http_workers": 1, "http_allowed_networks": "127.0.0.1/32"}


@pytest.fixture(scope="module")
def service(redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker that may call 127.0.0.1, and maintenance, for all tests."""
    folder = tmp_path_factory.mktemp("worker")
    settings: dict[str, Any] = {
        "redis_url": redis_server_url,
        "data_dir": folder / "state",
        "http_allowed_networks": "127.0.0.1/32",
        "callback_secret": SECRET,
    }
    with (
        ServiceProcess("worker", folder / "worker.log", worker_concurrency=2, **settings),
        ServiceProcess("maintenance", folder / "maintenance.log", **settings),
    ):
        yield


def run(api: Api, payload: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return the task once it is final."""
    body = {"task_name": "call", "type": "http", "payload": payload, "retry": FAST, **members}
    response = api.request("POST", "/tasks", json=body)
    assert response.status_code == 202, response.text
    return api.final(response.json()["task_id"])


def test_the_request_is_sent_as_given_and_its_response_is_the_result(
    api: Api, service: None, receiver: Receiver
) -> None:
    receiver.responses = [
        Response(
            201, {"id": 7}, {"Content-Type": "application/json; charset=utf-8", "X-Seen": "yes"}
        )
    ]

    task = run(
        api,
        {
            "url": f"{receiver.url}/orders?x=1",
            "headers": {"Authorization": "Bearer a"},
            "json": {"a": [1]},
        },
    )

    assert (task["status"], task["max_attempts"]) == ("COMPLETED", 5)
    assert (task["result"]["status"], task["result"]["body"]) == (201, {"id": 7})
    assert task["result"]["headers"]["x-seen"] == "yes"
    [request] = receiver.requests
    assert (request.method, request.path, request.json) == ("POST", "/orders?x=1", {"a": [1]})
    headers = request.headers
    assert (headers["authorization"], headers["content-type"]) == ("Bearer a", "application/json")
    assert headers["idempotency-key"] == headers["x-task-id"] == task["task_id"]
    assert headers["webhook-id"] == f"http_{task['task_id']}"
    assert headers["x-task-attempt"] == "1"
    assert headers["traceparent"].startswith(f"00-{task['task_id'].replace('-', '')}-")
    assert Webhook(HTTP_SECRET).verify(request.body, headers) == {"a": [1]}


def test_the_trace_of_the_caller_is_passed_on_to_the_call_and_the_callback(
    api: Api, service: None, receiver: Receiver
) -> None:
    trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00", "tracestate": "shop=1"}
    own = {"Traceparent": f"00-{'c' * 32}-{'d' * 16}-01"}
    for headers in ({}, own):
        payload = {"url": f"{receiver.url}/work", "headers": headers}
        body = {"task_name": "call", "type": "http", "payload": payload}
        body["callback_url"] = f"{receiver.url}/done"
        assert api.request("POST", "/tasks", json=body, headers=trace).status_code == 202

    requests = receiver.wait_for(4)

    sent = {"/work": [], "/done": []}
    for request in requests:
        names = ("traceparent", "tracestate")
        sent[request.path].append({n: request.headers[n] for n in names if n in request.headers})
    assert sent["/done"] == [trace, trace]
    assert sorted(sent["/work"], key=len) == [{"traceparent": own["Traceparent"]}, trace]


def test_a_caller_cannot_make_the_service_sign_a_forged_callback(
    api: Api, service: None, receiver: Receiver
) -> None:
    forged = {
        "type": "task.completed",
        "timestamp": "2026-11-24T03:58:36.140Z",
        "data": {"task_id": "another"},
    }
    bodies: list[dict[str, Any]] = [{"json": forged}, {"body": json.dumps(forged)}]

    for body in bodies:
        assert run(api, {"url": receiver.url, **body})["status"] == "COMPLETED"

    for request in receiver.requests:
        assert Webhook(HTTP_SECRET).verify(request.body, request.headers) == forged
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Webhook(SECRET).verify(request.body, request.headers)
        assert not request.headers["webhook-id"].startswith("msg_")


def test_a_text_body_and_another_method_are_sent_as_they_are(
    api: Api, service: None, receiver: Receiver
) -> None:
    receiver.responses = [
        Response(200, "grüß".encode("latin-1"), {"Content-Type": "text/plain; charset=latin-1"})
    ]

    task = run(api, {"url": receiver.url, "method": "PUT", "body": "plain ü"})

    [request] = receiver.requests
    assert (request.method, request.body.decode()) == ("PUT", "plain ü")
    assert task["result"]["body"] == "grüß"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_temporary_error_is_retried(
    api: Api, service: None, receiver: Receiver, status: int
) -> None:
    receiver.responses = [Response(status, "busy"), Response(200)]

    task = run(api, {"url": receiver.url})

    assert (task["status"], task["attempt"]) == ("COMPLETED", 2)
    assert [request.headers["x-task-attempt"] for request in receiver.requests] == ["1", "2"]
    assert "last_error" not in task


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_a_permanent_error_fails_at_once(
    api: Api, service: None, receiver: Receiver, status: int
) -> None:
    receiver.responses = [
        Response(status, "no such order", {"Location": "http://169.254.169.254/"})
    ]

    task = run(api, {"url": f"{receiver.url}/orders?token=secret"})

    assert (task["status"], task["attempt"], len(receiver.requests)) == ("FAILED", 1, 1)
    why = ", and redirects are not followed" if status == 302 else ""
    assert (
        task["error"]["message"]
        == f"POST {receiver.url}/orders responded with {status}{why}: no such order"
    )


def test_a_status_that_the_caller_expects_is_a_success(
    api: Api, service: None, receiver: Receiver
) -> None:
    receiver.responses = [Response(404, "gone")]

    task = run(api, {"url": receiver.url, "method": "DELETE", "success_status": [204, 404]})

    assert (task["status"], task["result"]["status"]) == ("COMPLETED", 404)


def test_a_retry_waits_as_retry_after_asks(api: Api, service: None, receiver: Receiver) -> None:
    receiver.responses = [Response(429, headers={"Retry-After": "3600"})]

    body = {"task_name": "call", "type": "http", "payload": {"url": receiver.url}}
    task_id = api.request("POST", "/tasks", json=body).json()["task_id"]
    task = api.wait_for(task_id, "SCHEDULED")

    assert str(task["due_at"]) > str(task["submitted_at"]).replace(" ", "T")
    due, submitted = (str(task[name])[:13].replace("T", " ") for name in ("due_at", "submitted_at"))
    assert due != submitted  # another hour
    why = f"POST {receiver.url} responded with 429"
    assert task["last_error"] == {"code": "handler_error", "message": why}
    assert "error" not in task
    lines = [
        line["message"] for line in api.request("GET", f"/tasks/{task_id}/logs").json()["lines"]
    ]
    assert lines == [why, f"Attempt 1 failed: {why}; the next attempt starts in 3600 s."]


def test_a_call_without_a_response_in_time_is_retried(
    api: Api, service: None, receiver: Receiver
) -> None:
    task = run(
        api, {"url": "http://127.0.0.1:9/", "timeout": 0.5}, retry={**FAST, "max_attempts": 2}
    )

    assert (task["status"], task["attempt"]) == ("FAILED", 2)
    assert task["error"]["message"] == "POST http://127.0.0.1:9/: [Errno 111] Connection refused"


@pytest.mark.parametrize(
    "url", ["http://0x7f000002/", "http://2130706434:80/", "http://0xa9fea9fe/latest/meta-data/"]
)
def test_an_address_that_is_not_allowed_fails_the_task_at_once(
    api: Api, service: None, url: str
) -> None:
    task = run(api, {"url": url})

    assert (task["status"], task["attempt"]) == ("FAILED", 1)
    assert "was not sent: Resolved address" in task["error"]["message"]
    assert "TASKS_HTTP_ALLOWED_NETWORKS" in task["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain; charset=idna", b"x"),
        ("text/plain; charset=undefined", b"x"),
        ("text/plain; charset=utf-7", b"+2AA-"),
        ("application/json", b'"\\ud800"'),
        ("application/json", b"[" * 500 + b"]" * 500),
        ("application/json", b"{"),
        ("application/json", b"1e999"),
    ],
)
def test_a_response_that_is_not_what_its_content_type_says_is_text(
    api: Api, service: None, receiver: Receiver, kind: str, body: bytes
) -> None:
    receiver.responses = [Response(200, body, {"Content-Type": kind})]

    task = run(api, {"url": receiver.url})

    assert (task["status"], len(receiver.requests)) == ("COMPLETED", 1)
    assert isinstance(task["result"]["body"], str)


def test_a_long_response_is_cut(api: Api, service: None, receiver: Receiver) -> None:
    receiver.responses = [
        Response(200, b'"' + b"x" * 200_000 + b'"', {"Content-Type": "application/json"})
    ]

    result = run(api, {"url": receiver.url})["result"]

    assert (len(result["body"]), result["body_truncated"]) == (64 * 1024, True)
