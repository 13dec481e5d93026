"""Handlers that change or break their own process: with real workers, through HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.hostile_runs import (
    HANDLERS,
    a_worker,
    left_behind,
    run,
    submit,
    worker_with_one_child,
)
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with worker_with_one_child(redis_url, tmp_path) as worker:
        yield worker


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
