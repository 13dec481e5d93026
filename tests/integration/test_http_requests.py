"""Bodies and raw requests, wrong ones and hostile ones, against a running server."""

import json
import re
import socket

import pytest
import redis

from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE


def test_refused_input_stores_nothing(api: Api, client: redis.Redis) -> None:
    response = api.request("POST", "/tasks", json={"task_name": "", "duration": 0, "color": "red"})

    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {error["pointer"] for error in response.json()["errors"]} == {
        "/task_name",
        "/duration",
        "/color",
    }
    assert client.dbsize() == 0


def test_a_body_over_the_limit_is_refused_with_and_without_a_length(api: Api) -> None:
    body = b'{"task_name": "' + b"x" * 262_144 + b'"}'
    headers = {"Content-Type": "application/json"}

    told = api.request("POST", "/tasks", data=body, headers=headers)
    chunked = api.request("POST", "/tasks", data=iter([body[:100], body[100:]]), headers=headers)

    assert [told.status_code, chunked.status_code] == [413, 413]
    assert {told.json()["code"], chunked.json()["code"]} == {"body_too_large"}


@pytest.mark.parametrize(
    "chunk",
    [
        "zz\r\n{}\r\n0\r\n\r\n",
        "-5\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}",
        f"2;{'a' * 127}\r\n{{}}\r\n0\r\n\r\n",
    ],
)
def test_a_broken_transfer_encoding_is_a_problem_of_the_client(
    api: Api, client: redis.Redis, chunk: str
) -> None:
    response = raw(api, f"Transfer-Encoding: chunked\r\n\r\n{chunk}")

    assert response.startswith(b"HTTP/1.1 400 ")
    assert client.dbsize() == 0


def test_a_truncated_body_is_refused(api: Api, client: redis.Redis) -> None:
    response = raw(api, 'Content-Length: 100\r\n\r\n{"task_name": "test", "duration": 3}')

    assert response.startswith(b"HTTP/1.1 400 ")
    assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("start", "status", "code"),
    [
        (f"GET /tasks?q={'x' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "uri_too_long"),
        (
            f"GET /tasks HTTP/1.1\r\nHost: localhost\r\nX-A: {'x' * 9000}\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (
            "GET /tasks HTTP/1.1\r\nHost: localhost\r\n" + "X-A: b\r\n" * 101 + "\r\n",
            431,
            "headers_too_large",
        ),
        (
            "GET /tasks HTTP/1.1\r\nHost: localhost\r\n"
            + "".join(f"X-{number}: {'x' * 4_000}\r\n" for number in range(17))
            + "\r\n",
            431,
            "headers_too_large",
        ),
        ("nonsense\r\n\r\n", 400, "malformed_request"),
        ("GET /tasks HTTP/1.1\r\nbad header\r\n\r\n", 400, "malformed_request"),
        ("GET /tasks HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        (
            "POST /tasks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\n\r\n",
            501,
            "unsupported_transfer_encoding",
        ),
    ],
)
def test_bytes_that_are_no_request_get_a_problem(
    api: Api, start: str, status: int, code: str
) -> None:
    response = sent(api, start)

    head, _, body = response.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 10_000 + b"]" * 10_000, 400),
        (b'{"task_name":' * 10_000, 400),
        (
            b'{"task_name": "test", "duration": {"__type__": "datetime", "__value__": '
            b'"2026-01-01"}}',
            422,
        ),
        (b'{"__type__": "set", "__value__": [], "task_name": "test", "duration": 3}', 422),
        (b'{"task_name": "' + b"x" * 10_000_000 + b'"}', 413),
    ],
)
def test_hostile_bodies_are_refused_and_the_server_goes_on(
    api: Api, client: redis.Redis, body: bytes, status: int
) -> None:
    response = api.request(
        "POST", "/tasks", data=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert client.dbsize() == 0
    assert api.request("GET", "/livez").status_code == 200


def test_pipelined_requests_get_their_responses_in_order(api: Api) -> None:
    task_id = api.submit()
    ahead = [
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for path in (f"/tasks/{task_id}", "/nothing", "/livez")
    ]

    response = sent(api, "".join(ahead))

    assert re.findall(rb"HTTP/1.1 (\d+) ", response) == [b"200", b"404", b"200"]


def test_a_slow_body_does_not_delay_other_requests(api: Api) -> None:
    body = b'{"task_name": "slow", "duration": 3}'
    head = "POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE) for _ in range(8)]
    for connection in slow:
        connection.sendall(head.encode() + body[:1])

    assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 0
    for connection in slow:
        connection.sendall(body[1:])
        assert connection.recv(100).startswith(b"HTTP/1.1 202 ")
        connection.close()


def raw(api: Api, rest: str) -> bytes:
    """Return the response to a submit with this rest of its head and body."""
    head = (
        "POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nConnection: close\r\n"
    )
    return sent(api, head + rest)


def sent(api: Api, text: str) -> bytes:
    with socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))
