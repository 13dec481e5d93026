"""Handlers that fork, leave programs running, and change their process: with real workers, seen
through HTTP."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import wait_until

HANDLERS = "tests.integration.hostile_work"
API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}
SECRET = "whsec_" + "c2VjcmV0" * 4


def a_worker(redis_url: str, folder: Path, name: str = "worker", **settings: Any) -> ServiceProcess:
    defaults = {
        "data_dir": folder / "state",
        "worker_concurrency": 1,
        "lease_seconds": 3,
        "handlers": HANDLERS,
    }
    return ServiceProcess(
        "worker", folder / f"{name}.log", redis_url=redis_url, **{**defaults, **settings}
    )


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    """A worker with one child, so that the next run is in the same process, beside a maintenance.

    A wake-up may go to the connection of the worker before, which the server still has: maintenance
    puts another.
    """
    with (
        ServiceProcess(
            "maintenance", tmp_path / "maintenance.log", redis_url=redis_url, lease_seconds=3
        ),
        a_worker(redis_url, tmp_path, callback_secret=SECRET) as worker,
    ):
        yield worker


def submit(api: Api, type: str, **payload: Any) -> str:
    answer = api.request(
        "POST", "/tasks", json={"task_name": "test", "type": type, "payload": payload}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["task_id"])


def run(api: Api, type: str, **payload: Any) -> dict[str, Any]:
    return api.final(submit(api, type, **payload))


def left_behind(folder: Path, name: str) -> psutil.Process:
    file = folder / name
    wait_until(file.exists)
    return psutil.Process(int(file.read_text()))


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
        submit(api, type, folder=str(tmp_path), seconds=5)
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
            task_id = submit(api, "start_daemon", folder=str(tmp_path), seconds=2)
            daemon = left_behind(tmp_path, "daemon")
            os.kill(killed.pid, signal.SIGKILL)
            killed.process.wait()
        try:
            with a_worker(redis_url, tmp_path, "next", **long_lease):
                task = api.final(task_id)
            assert (task["status"], task["attempt"]) == ("COMPLETED", 2)
            assert not is_dead(daemon), "the daemon was there all the time"
        finally:
            daemon.kill()


class TestState:
    def test_what_a_run_changes_in_its_process_is_changed_back(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        before = run(api, "describe_state")["result"]
        assert run(api, "spoil_state")["status"] == "COMPLETED"

        assert run(api, "describe_state")["result"] == before

    def test_a_process_whose_limit_was_lowered_for_good_is_replaced_uncounted(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        first = run(api, "lower_limit_for_good")
        second = run(api, "describe_state")

        assert (first["status"], second["status"], second["attempt"]) == (
            "COMPLETED",
            "COMPLETED",
            1,
        )
        assert second["result"]["pid"] != first["result"]

    def test_a_failed_clean_up_keeps_the_result_and_replaces_the_process(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        first = run(api, "break_clean_up", folder=str(tmp_path))
        second = run(api, "describe_state")

        assert (first["status"], second["status"], second["attempt"]) == (
            "COMPLETED",
            "COMPLETED",
            1,
        )
        assert second["result"]["pid"] != first["result"]
        wait_until(lambda: not psutil.pid_exists(int((tmp_path / "program").read_text())), 10)

    @pytest.mark.parametrize(
        ("type", "payload"),
        [
            ("replace_files", {"which": "standard"}),
            ("replace_files", {"which": "pipes"}),
            ("leak_files", {}),
            ("break_the_claims", {}),
        ],
    )
    def test_a_process_that_is_of_no_use_any_more_is_replaced(
        self, api: Api, worker: ServiceProcess, type: str, payload: dict[str, Any]
    ) -> None:
        first = run(api, type, **payload)
        second, third = (run(api, "describe_state") for _ in range(2))

        assert [task["status"] for task in (first, second, third)] == ["COMPLETED"] * 3
        assert [task["attempt"] for task in (first, second, third)] == [1] * 3
        assert first["result"] != second["result"]["pid"] == third["result"]["pid"]

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
    def test_a_process_that_became_another_user_is_replaced(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        first, second = run(api, "change_user"), run(api, "describe_state")

        assert (first["status"], second["status"]) == ("COMPLETED", "COMPLETED")
        assert first["result"] != second["result"]["pid"]

    def test_clocks_that_a_run_replaced_neither_end_it_nor_stay(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        first = run(api, "freeze_the_clocks", seconds=5)
        second = run(api, "describe_state")

        assert (first["status"], first["attempt"], second["status"]) == (
            "COMPLETED",
            1,
            "COMPLETED",
        )
        assert "function time" in second["result"]["interpreter"][3]

    def test_functions_of_json_that_a_run_replaced_do_not_stay(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        run(api, "break_json")

        task = run(api, "fork_and_wait_for", ending="exit")

        assert (task["status"], task["result"], task["attempt"]) == ("COMPLETED", 7, 1)

    def test_a_run_that_asks_itself_to_stop_is_not_repeated_for_ever(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task = run(api, "interrupt_itself")

        assert (task["status"], task["error"]["code"]) == ("FAILED", "worker_lost")
        assert "SIGUSR2" in task["error"]["message"]

    def test_a_process_whose_pipes_got_garbage_does_not_stop_the_queue(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        first = run(api, "garble_pipes")
        second = run(api, "describe_state")

        assert (first["status"], second["status"], second["attempt"]) == (
            "COMPLETED",
            "COMPLETED",
            1,
        )
        assert first["result"] != second["result"]["pid"]

    def test_a_run_that_gives_up_the_locks_of_its_worker_makes_no_other_take_it_for_dead(
        self, api: Api, worker: ServiceProcess, redis_url: str, tmp_path: Path
    ) -> None:
        run(api, "unlock_files")
        task_id = submit(api, "wait", folder=str(tmp_path), seconds=4)
        left_behind(tmp_path, "child")

        with a_worker(redis_url, tmp_path, "second"):
            task = api.final(task_id)

        assert (task["status"], task["attempt"]) == ("COMPLETED", 1)

    def test_secrets_are_in_no_environment(self, api: Api, worker: ServiceProcess) -> None:
        own = run(api, "describe_state")["result"]["environment"]
        programs = run(api, "environment_of_program")["result"]

        assert "TASKS_HANDLERS" in own
        for name in ("TASKS_REDIS_URL", "TASKS_CALLBACK_SECRET"):
            assert name not in own
            assert name not in programs


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
