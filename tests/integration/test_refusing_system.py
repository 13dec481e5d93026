"""Workers on a system that refuses further processes or threads."""

from pathlib import Path

import pytest
import redis

from tests.integration.processes import Api
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker, running_child

API_SETTINGS = {"http_workers": 1}
HANDLERS = "tests.integration.refusing_system"


def test_a_worker_that_cannot_replace_a_child_goes_on_and_replaces_it_later(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = tmp_path / "refused"
    monkeypatch.setenv("NO_FORKS", str(refused))
    with a_worker(redis_url, tmp_path / "worker.log", handlers=HANDLERS) as worker:
        task_id = api.submit(duration=3)
        busy = running_child(client)
        refused.touch()
        for child in worker.children():
            if child.pid != busy:
                child.kill()
        wait_until(lambda: "child_refused" in worker.output)

        assert api.final(task_id)["attempt"] == 1
        refused.unlink()
        wait_until(lambda: len(worker.children()) == 2)


def test_a_worker_that_cannot_guard_its_runs_ends(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would replace it: silence counts from the first heartbeat on."""
    monkeypatch.setenv("NO_THREAD", "run-guard")
    with a_worker(redis_url, tmp_path / "worker.log", handlers=HANDLERS) as worker:
        assert worker.exit_code() == 1

    assert "can't start new thread" in worker.output
