"""Compression over real connections: large pages, slow and vanishing clients, many at once."""

import gzip
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
import requests

from adapters.redis.task_repository import RedisTaskRepository
from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE
from tests.storing import submit

API_SETTINGS = {"http_workers": 1}
MEGABYTE = 1024 * 1024
NUMBER = 20


@pytest.fixture
def megabytes(api: Api, repository: RedisTaskRepository) -> list[str]:
    """Store tasks with a payload of a megabyte, which compress badly. Return their ids."""
    text = Random(1).randbytes(MEGABYTE // 2).hex()
    return [submit(repository, type="echo", payload={"text": text}).task_id for _ in range(NUMBER)]


def raw(api: Api, path: str, accept: str = "gzip") -> requests.Response:
    return requests.get(
        f"http://127.0.0.1:{api.port}{path}",
        headers={"Accept-Encoding": accept},
        timeout=PATIENCE,
        stream=True,
    )


def test_a_page_of_megabytes_is_compressed_while_others_have_their_turn(
    api: Api, megabytes: list[str]
) -> None:
    path = f"/tasks?full=true&page_size={NUMBER}"

    def read(_: int) -> list[str]:
        response = raw(api, path)
        assert response.headers["Content-Encoding"] == "gzip"
        body = response.raw.read(decode_content=False)
        assert len(body) < 0.7 * NUMBER * MEGABYTE
        return [task["task_id"] for task in json.loads(gzip.decompress(body))["tasks"]]

    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(read, number) for number in range(4)]
        while not all(each.done() for each in reads):
            assert api.request("GET", "/livez").elapsed.total_seconds() < PATIENCE
        assert all(each.result() == megabytes for each in reads)


def test_sixteen_clients_read_one_large_task_in_both_forms(api: Api, megabytes: list[str]) -> None:
    def read(number: int) -> int:
        response = raw(api, f"/tasks/{megabytes[number]}", "gzip" if number % 2 else "identity")
        assert ("Content-Encoding" in response.headers) == bool(number % 2)
        return len(response.json()["payload"]["text"])

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(read, range(16))) == {MEGABYTE}


def test_a_client_that_vanishes_in_the_middle_disturbs_nobody(
    api: Api, megabytes: list[str]
) -> None:
    for _ in range(16):
        with socket.create_connection(("127.0.0.1", api.port)) as client:
            client.sendall(
                b"GET /tasks?full=true&page_size=20 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Accept-Encoding: gzip\r\n\r\n"
            )
            assert client.recv(1_000).startswith(b"HTTP/1.1 200")

    assert raw(api, f"/tasks/{megabytes[0]}").json()["task_id"] == megabytes[0]
    assert '"level": "error"' not in api.output


def test_a_stream_of_events_is_never_compressed(api: Api) -> None:
    task_id = api.submit(queue="nobody")

    with raw(api, f"/tasks/{task_id}/events") as stream:
        assert "Content-Encoding" not in stream.headers
        assert b"retry: 1000" in stream.raw.read1(1_000)
