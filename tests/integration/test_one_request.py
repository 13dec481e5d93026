"""The cost of one request: every list and map of a body, filled to its limit."""

import base64
import contextlib
import json
import socket
import threading
import uuid
from collections.abc import Iterator

import pytest

from tests.integration.places import A_TASK, BODY_BYTES, MARK, SKELETONS, Place, places
from tests.integration.ticking import TickingApi
from tests.integration.waiting import PATIENCE

pytestmark = pytest.mark.slow

MAX_GROWTH_BYTES = 100 * 1024 * 1024
"""Limit on the growth of a process by a body of 8 MiB, its parsed values and the response."""


@pytest.fixture(scope="module")
def ticking(
    redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TickingApi]:
    handlers = "tests.integration.bounded_types"
    log = tmp_path_factory.mktemp("ticking") / "api.log"
    with TickingApi(log, redis_url=redis_server_url, http_workers=1, handlers=handlers) as api:
        yield api


def test_every_list_and_map_of_the_specification_is_found(ticking: TickingApi) -> None:
    names = {place.body for place in _places(ticking)}

    for name in (
        "tasks",
        "ids",
        "status",
        "labels",
        "success_status",
        "headers",
        "payload",
        "numbers",
        "by_name",
    ):
        assert any(f'"{name}": "{MARK}"' in body or f'"{name}": [{{' in body for body in names), (
            name
        )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", SKELETONS)
def test_no_body_of_an_allowed_size_holds_the_process_for_100_ms(
    ticking: TickingApi, redis_url: str, path: str
) -> None:
    task_id, before = ticking.submit(), ticking.stalls()
    slowest = (0.0, "", b"")
    for place in (place for place in _places(ticking) if place.path == path):
        for body in place.bodies():
            stall = _stall_of(ticking, place, body, task_id)
            if (
                stall > before["reference"]
            ):  # again, since a busy machine makes CPU time longer, too
                stall = min(stall, *(_stall_of(ticking, place, body, task_id) for _ in range(2)))
            slowest = max(slowest, (stall, place.method, body[:300]))

    print(f"{path}: {slowest}, a fixed loop {before['reference']:.3f} s")
    assert slowest[0] < before["reference"], slowest
    after = ticking.stalls()
    print(f"grew by {(after['peak'] - before['peak']) / 1024**2:.0f} MiB")
    assert after["pid"] == before["pid"]
    assert after["peak"] - before["peak"] < MAX_GROWTH_BYTES


def test_a_batch_of_a_thousand_new_queues_lets_others_run(
    ticking: TickingApi, redis_url: str
) -> None:
    tasks = [{**A_TASK, "queue": f"new{number}"} for number in range(1_000)]
    ticking.stalls()

    assert ticking.request("POST", "/tasks/batch", json={"tasks": tasks}).status_code == 202

    stalls = ticking.stalls()
    assert stalls["stall"] < stalls["reference"]


def test_actions_on_ten_thousand_tasks_let_others_run(ticking: TickingApi, redis_url: str) -> None:
    ids = []
    for _ in range(10):
        task = {**A_TASK, "labels": {"of": "many"}}
        response = ticking.request("POST", "/tasks/batch", json={"tasks": [task] * 1_000})
        ids += [task["task_id"] for task in response.json()["tasks"]]

    reference = ticking.stalls()["reference"]
    for action in ("cancel", "retry", "delete"):
        ticking.stalls()
        response = ticking.request("POST", "/tasks/actions", json={"action": action, "ids": ids})
        stall = ticking.stalls()["stall"]
        print(f"{action} {len(ids)}: {stall:.3f} s")
        assert response.json()["done"] == len(ids)
        assert stall < reference


def test_a_body_in_chunks_of_one_byte_lets_others_run(ticking: TickingApi, redis_url: str) -> None:
    body = b'{"task_name": "x", "duration": 1}'.ljust(BODY_BYTES)
    head = (
        b"POST /tasks HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    before = ticking.stalls()

    with socket.create_connection(("127.0.0.1", ticking.port), timeout=PATIENCE) as connection:
        connection.sendall(head + chunks)
        status = connection.recv(12)

    assert status == b"HTTP/1.1 202"
    assert ticking.stalls()["stall"] < before["reference"]


@pytest.mark.parametrize("path", ["/nowhere", "/tasks", "/tasks/batch"])
@pytest.mark.parametrize("extensions", [60, 4_000])
def test_chunk_extensions_let_others_run(ticking: TickingApi, path: str, extensions: int) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"1" + b";a" * extensions + b"\r\n \r\n"
    before = ticking.stalls()

    with socket.create_connection(("127.0.0.1", ticking.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        with contextlib.suppress(ConnectionError):  # it is closed after the first long line
            for _ in range(160):
                connection.sendall(chunk * 100)

    assert ticking.stalls()["stall"] < before["reference"]


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/tasks"])
def test_a_body_that_nobody_reads_lets_others_run(ticking: TickingApi, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**40}\r\n\r\n"
    before = ticking.stalls()

    with socket.create_connection(("127.0.0.1", ticking.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        with contextlib.suppress(ConnectionError):  # it is closed after the deadline of a head
            for _ in range(40):
                connection.sendall(b"x" * 2**20)

    assert ticking.stalls()["stall"] < before["reference"]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/livez", 3_000),
        ("/nowhere", 3_000),
        ("/openapi.json", 300),
        ("/docs", 1_000),
        ("/docs/swagger-ui-bundle.js", 100),
        ("/ui/", 1_000),
    ],
)
def test_requests_that_follow_each_other_without_a_wait_let_others_run(
    ticking: TickingApi, path: str, number: int
) -> None:
    before = ticking.stalls()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
    last = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    with socket.create_connection(("127.0.0.1", ticking.port), timeout=PATIENCE) as connection:
        requests = f"{request}\r\n" * (number - 1) + last
        sender = threading.Thread(target=connection.sendall, args=[requests.encode()])
        sender.start()
        with connection.makefile("rb") as responses:
            served = responses.read().count(b"HTTP/1.1 ")
        sender.join()

    assert served == number
    assert ticking.stalls()["stall"] < before["reference"]


@pytest.mark.parametrize(
    "query",
    [
        "&".join(f"a{number}" for number in range(1_300)),
        "&".join(f"label.{number}=x" for number in range(600)),
        "status=" + "x," * 4_000,
        "q=" + "x" * 8_000,
        "page=" + "9" * 8_000,
        "cursor=" + base64.b64encode(b"oldest " + b"9" * 5_000 + b" x").decode(),
        "cursor=" + base64.b64encode(b"oldest " + b"9" * 4_000 + b" x").decode(),
        "submitted_after=" + "9" * 8_000,
    ],
    ids=lambda query: query[:12],
)
def test_long_queries_are_refused_and_let_others_run(
    ticking: TickingApi, redis_url: str, query: str
) -> None:
    before = ticking.stalls()

    response = ticking.request("GET", f"/tasks?{query}")

    assert response.status_code == 422
    assert ticking.stalls()["stall"] < before["reference"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", '"' + '\\"' * 4_000),
        ("Idempotency-Key", "a" + " " * 4_000 + "a" * 4_000),
        ("If-Match", '"a"' + ' ,"a"' * 1_600 + " " * 80 + "x"),
        ("If-None-Match", '"a"' + " " * 8_000 + "x"),
        ("Prefer", ", ; wait = " * 700 + "x"),
        ("Prefer", "," + " " * 8_000 + "wait"),
        ("Accept", "a/b;q=0.1," * 800),
        ("Content-Type", "application/json;" + "a=b;" * 2_000),
        ("X-Request-ID", "a" * 8_000),
    ],
)
def test_long_headers_let_others_run(
    ticking: TickingApi, redis_url: str, name: str, value: str
) -> None:
    path, before = f"/tasks/{ticking.submit()}", ticking.stalls()

    for method in ("GET", "PATCH", "POST"):
        path = "/tasks" if method == "POST" else path
        response = ticking.request(
            method,
            path,
            data=json.dumps(A_TASK),
            headers={"Content-Type": "application/json", name: value},
        )
        assert response.status_code < 500
    for page in ("/openapi.json", "/docs", "/docs/swagger-ui.css", "/ui/"):
        assert ticking.request("GET", page, headers={name: value}).status_code < 500

    assert ticking.stalls()["stall"] < before["reference"]


def _stall_of(api: TickingApi, place: Place, body: bytes, task_id: str) -> float:
    api.stalls()
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    response = api.request(
        place.method,
        place.path.format(task_id=task_id, key_id="none", schedule="x"),
        data=body,
        headers=headers,
    )
    assert response.status_code < 500, response.text
    assert response.status_code < 400 or len(response.json().get("errors", [])) <= 100
    stall: float = api.stalls()["stall"]
    return stall


def _places(api: TickingApi) -> list[Place]:
    document = api.request("GET", "/openapi.json").json()
    return places(document, api.request("GET", "/types").json()["types"])


@pytest.mark.parametrize("blank", " \t")
def test_a_head_full_of_blanks_lets_others_run(ticking: TickingApi, blank: str) -> None:
    accept = f"a{blank * 8_000}/b"
    before = ticking.stalls()

    assert ticking.request("GET", "/tasks", headers={"Accept": accept}).status_code == 406

    assert ticking.stalls()["stall"] < before["reference"] / 4
