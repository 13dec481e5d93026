"""Handlers that fork, leave programs running and get signals: with real workers, through HTTP."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from tests.integration.hostile_runs import (
    HANDLERS,
    a_worker,
    left_behind,
    run,
    submit,
    worker_with_one_child,
)
from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with worker_with_one_child(redis_url, tmp_path) as worker:
        yield worker


class TestForks:
    def test_a_copy_that_returns_ends_and_the_result_is_the_originals(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        ids = [submit(api, "fork_and_return") for _ in range(8)]

        tasks = [api.final(task_id) for task_id in ids]

        assert {(task["status"], task["result"], task["attempt"]) for task in tasks} == {
            ("COMPLETED", "original", 1)
        }
        wait_until(lambda: len(worker.children()) == 1)

    @pytest.mark.parametrize(
        ("ending", "status"), [("return", 0), ("raise", 1), ("failed exec", 1), ("exit", 7)]
    )
    def test_the_end_of_a_copy_is_no_end_of_the_run(
        self, api: Api, worker: ServiceProcess, ending: str, status: int
    ) -> None:
        task = run(api, "fork_and_wait_for", ending=ending)

        assert (task["status"], task["result"], task["attempt"]) == ("COMPLETED", status, 1)
        assert api.request("GET", f"/tasks/{task['task_id']}/logs").json()["lines"] == []

    def test_a_copy_is_killed_when_the_run_ends(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        task = run(api, "fork_and_go_on", folder=str(tmp_path))

        assert (task["status"], task["result"]) == ("COMPLETED", "original")
        assert not psutil.pid_exists(int((tmp_path / "copy").read_text()))

    def test_a_copy_dies_with_a_killed_worker(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        submit(api, "fork_and_go_on", folder=str(tmp_path), seconds=600)
        copy = left_behind(tmp_path, "copy")

        os.kill(worker.pid, signal.SIGKILL)

        wait_until(lambda: is_dead(copy), 10)


class TestWhatARunLeavesBehind:
    @pytest.mark.parametrize(
        ("type", "name"), [("start_daemon", "daemon"), ("start_program", "program")]
    )
    def test_it_is_killed_when_the_run_ends(
        self, api: Api, worker: ServiceProcess, tmp_path: Path, type: str, name: str
    ) -> None:
        task = run(api, type, folder=str(tmp_path))

        assert task["result"] == "original"
        assert not psutil.pid_exists(int((tmp_path / name).read_text()))

    @pytest.mark.parametrize(
        ("type", "name"), [("start_daemon", "daemon"), ("start_program", "program")]
    )
    def test_it_is_killed_when_the_run_is_cancelled(
        self, api: Api, worker: ServiceProcess, tmp_path: Path, type: str, name: str
    ) -> None:
        task_id = submit(api, type, folder=str(tmp_path), seconds=600)
        left = left_behind(tmp_path, name)

        api.request("POST", f"/tasks/{task_id}/cancel")

        assert api.final(task_id)["status"] == "CANCELLED"
        wait_until(lambda: is_dead(left), 5)

    @pytest.mark.parametrize(
        ("type", "name"), [("start_daemon", "daemon"), ("start_program", "program")]
    )
    def test_it_is_killed_when_the_child_is_killed(
        self,
        api: Api,
        worker: ServiceProcess,
        tmp_path: Path,
        client: redis.Redis,
        type: str,
        name: str,
    ) -> None:
        submit(api, type, folder=str(tmp_path), seconds=600)
        left = left_behind(tmp_path, name)
        (owner,) = client.hkeys("tm:held")

        os.kill(int(owner.rsplit(b":", 1)[1]), signal.SIGKILL)

        wait_until(lambda: is_dead(left), 10)

    def test_it_is_kept_where_the_function_says_so_until_the_worker_ends(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        run(api, "keep_program", folder=str(tmp_path))
        kept = left_behind(tmp_path, "program")
        run(api, "fork_and_return")
        assert not is_dead(kept)

        worker.stop()

        wait_until(lambda: is_dead(kept))

    def test_programs_inherit_no_lock_pipe_or_connection_of_the_worker(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        files = run(api, "files_of_program")["result"]

        assert files == ["0", "1", "2"]

    def test_a_daemon_does_not_make_a_killed_worker_look_alive(
        self, api: Api, redis_url: str, tmp_path: Path
    ) -> None:
        long_lease = {"lease_seconds": 600}
        with a_worker(redis_url, tmp_path, **long_lease) as killed:
            task_id = submit(api, "start_daemon", folder=str(tmp_path), seconds=600)
            daemon = left_behind(tmp_path, "daemon")
            children = killed.children()
            os.kill(killed.pid, signal.SIGKILL)
            killed.process.wait()
            wait_until(lambda: all(is_dead(child) for child in children if child != daemon))
        (tmp_path / "go on").touch()
        try:
            with a_worker(redis_url, tmp_path, "next", **long_lease):
                task = api.final(task_id)
            assert (task["status"], task["attempt"]) == ("COMPLETED", 2)
            assert not is_dead(daemon), "the daemon was there all the time"
        finally:
            daemon.kill()


class TestSigterm:
    def test_it_does_not_end_a_run_when_its_process_alone_gets_it(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        task_id = submit(api, "wait", folder=str(tmp_path), seconds=1)

        left_behind(tmp_path, "child").terminate()

        task = api.final(task_id)
        assert (task["status"], task["result"], task["attempt"]) == ("COMPLETED", "original", 1)

    def test_runs_finish_when_all_processes_get_it_at_once_as_from_systemd(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        task_id = submit(api, "wait", folder=str(tmp_path), seconds=1)
        child = left_behind(tmp_path, "child")

        child.terminate()
        assert worker.stop() == 0

        task = api.final(task_id)
        assert (task["status"], task["result"], task["attempt"]) == ("COMPLETED", "original", 1)
