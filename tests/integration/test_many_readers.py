"""Many clients that read the same large task at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from domain.task import Task
from tests.integration.ticking import TickingApi
from tests.integration.waiting import wait_until
from tests.storing import claim, submit

pytestmark = [pytest.mark.slow, pytest.mark.long]

READERS = 32
RESULT = {"lists": [[] for _ in range(330_000)]}
"""A result of a megabyte, with as many objects as possible."""
MAX_GROWTH_BYTES = 150 * 1024 * 1024
MANY_READERS = 400
MAX_GROWTH_OF_MANY_BYTES = 200 * 1024 * 1024
"""More than the 128 MiB of responses that may wait for their clients for a second."""


@pytest.fixture
def ticking(redis_url: str, tmp_path: Path) -> Iterator[TickingApi]:
    with TickingApi(tmp_path / "api.log", redis_url=redis_url, http_workers=1) as api:
        yield api


@pytest.fixture
def run(repository: RedisTaskRepository, leases: RedisTaskLeases) -> Task:
    submit(repository)
    run = claim(leases)
    assert run
    return run


@pytest.mark.parametrize("query", ["", "?wait=60"])
def test_readers_of_a_large_result_let_others_run(
    ticking: TickingApi, repository: RedisTaskRepository, run: Task, query: str
) -> None:
    end = Change(before=run, after=run.complete(RESULT, datetime.now(UTC)))
    before = ticking.stalls()

    with ThreadPoolExecutor(READERS) as pool:
        if not query:
            repository.save(end)
        readers = [
            pool.submit(ticking.request, "GET", f"/tasks/{run.task_id}{query}")
            for _ in range(READERS)
        ]
        if query:
            wait_until(lambda: ticking.connections() >= READERS)
            repository.save(end)
    responses = [reader.result() for reader in readers]

    after = ticking.stalls()
    assert {response.content for response in responses} == {responses[0].content}
    assert responses[0].json()["result"] == RESULT
    assert after["stall"] < before["reference"] / 2
    assert after["peak"] - before["peak"] < MAX_GROWTH_BYTES


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_hundreds_of_readers_of_a_large_result_take_little_memory(
    ticking: TickingApi, repository: RedisTaskRepository, run: Task, encoding: str
) -> None:
    numbers = [number * 0.123456789 for number in range(55_000)]
    repository.save(Change(before=run, after=run.complete(numbers, datetime.now(UTC))))
    before = ticking.stalls()

    with ThreadPoolExecutor(MANY_READERS) as pool:
        headers = {"Accept-Encoding": encoding}
        readers = [
            pool.submit(ticking.request, "GET", f"/tasks/{run.task_id}", headers=headers)
            for _ in range(MANY_READERS)
        ]
    results = [reader.result() for reader in readers]

    after = ticking.stalls()
    assert len({response.content for response in results}) == 1
    assert len(results[0].content) > 800_000
    assert after["peak"] - before["peak"] < MAX_GROWTH_OF_MANY_BYTES
