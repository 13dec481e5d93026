"""The memory of maintenance while it sends webhooks with long results."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from tests.integration.memory import PeakMemory
from tests.integration.processes import ServiceProcess
from tests.integration.receiver import Receiver
from tests.integration.waiting import PATIENCE
from tests.storing import claim, submit

pytestmark = pytest.mark.slow

WEBHOOKS = 32
ROWS = [{"a": 0}] * 100_000
"""A result of 0.8 MB of JSON that takes 20 MB as a Python object once it is decoded."""
MOST = 200_000_000
"""Maintenance took 125 MB in all for 32 such webhooks, and 780 MB when it decoded all at once."""


def test_many_webhooks_with_long_results_that_are_due_at_once_do_not_fill_the_memory(
    repository: RedisTaskRepository,
    leases: RedisTaskLeases,
    receiver: Receiver,
    redis_url: str,
    tmp_path: Path,
) -> None:
    for _ in range(WEBHOOKS):
        submit(repository, callback_url=receiver.url)
        run = claim(leases)
        repository.save(Change(before=run, after=run.complete(ROWS, datetime.now(UTC))))

    settings = {"redis_url": redis_url, "http_allowed_networks": "127.0.0.1/32"}
    with (
        ServiceProcess("maintenance", tmp_path / "log", **settings) as maintenance,
        PeakMemory(maintenance) as memory,
    ):
        requests = receiver.wait_for(WEBHOOKS, PATIENCE)

    assert memory.growth < MOST
    assert all(request.json["data"]["result"] == ROWS for request in requests)
