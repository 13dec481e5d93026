"""The I/O pool: many tasks that wait in one process, and none that harms the others."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration import io_pool
from tests.integration.functions import log, run, submit
from tests.integration.io_pool import MANY, SETTINGS, ends, io_process, wait_at
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker

API_SETTINGS = io_pool.API_SETTINGS


@pytest.fixture
def io_worker(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with a_worker(redis_url, tmp_path / "worker.log", **SETTINGS) as worker:
        yield worker


def test_many_tasks_wait_beside_each_other_and_their_output_is_kept_apart(
    api: Api, io_worker: ServiceProcess, client: redis.Redis, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ids = wait_at(api, gate)
    owners = client.hkeys("tm:held")
    progress = [api.task(task_id).get("progress") for task_id in ids[:1]]
    gate.touch()

    assert len(owners) == MANY
    assert len({owner.partition(b".")[0] for owner in owners}) == 1
    assert progress[0] in (None, {"fraction": 0.5, "message": "0"})
    for name, task in enumerate(map(api.final, ids)):
        assert (task["status"], task["result"], task["attempt"]) == ("COMPLETED", str(name), 1)
        assert log(api, task) == [
            f"printed by {name}",
            f"INFO shop: logged by {name}",
            f"through with {name}",
        ]


def test_a_busy_child_does_not_hold_up_the_pool_nor_the_pool_a_child(
    api: Api, io_worker: ServiceProcess, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    held = submit(api, "hold", {"gate": str(gate)})
    api.wait_for(held, "PROCESSING")
    assert run(api, "process_id")["status"] == "COMPLETED"
    waiting = wait_at(api, gate, 2)
    gate.touch()

    assert ends(api, [held, *waiting]) == {("COMPLETED", 1)}


def test_what_asyncio_offers_works_and_threads_are_captured(
    api: Api, io_worker: ServiceProcess
) -> None:
    task = run(api, "work_in_parts")

    assert task["result"] == [[0, 1, 2], "thread", "timeout"]
    assert log(api, task) == ["in a thread"]


def test_a_cancelled_run_cleans_up_and_one_that_ignores_it_ends_all_the_same(
    api: Api, io_worker: ServiceProcess
) -> None:
    polite, stubborn = submit(api, "clean_up"), submit(api, "never_stop")
    late = submit(api, "never_stop", timeout=1)
    wait_until(lambda: log(api, {"task_id": polite}) == ["waiting"])
    api.wait_for(stubborn, "PROCESSING")
    for task_id in (polite, stubborn):
        api.request("POST", f"/tasks/{task_id}/cancel")

    assert api.final(polite)["status"] == api.final(stubborn)["status"] == "CANCELLED"
    assert log(api, {"task_id": polite}) == ["waiting", "cleaned up, cancelled: True"]
    assert api.final(late)["error"]["code"] == "timeout"


def test_a_run_that_keeps_the_loop_goes_on_in_a_child_and_harms_no_other(
    api: Api, io_worker: ServiceProcess, client: redis.Redis, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ids = wait_at(api, gate)
    pool = io_process(client)
    done = run(api, "block", {"once": str(tmp_path / "once")})
    gate.touch()

    assert (done["status"], done["attempt"]) == ("COMPLETED", 1)
    assert done["result"] != pool
    assert log(api, done) == ["This run kept others waiting. It starts again in another process."]
    assert ends(api, ids) == {("COMPLETED", 1)}
    assert run(api, "process_id")["result"] == pool


@pytest.mark.parametrize(("type", "attempt"), [("hold_interpreter", 1), ("kill_process", 2)])
def test_a_run_that_brings_the_process_down_pays_for_it_alone(
    api: Api, io_worker: ServiceProcess, tmp_path: Path, type: str, attempt: int
) -> None:
    gate = tmp_path / "gate"
    ids = wait_at(api, gate)

    guilty = run(api, type, {"once": str(tmp_path / "once")})
    gate.touch()

    assert (guilty["status"], guilty["result"], guilty["attempt"]) == ("COMPLETED", "done", attempt)
    assert ends(api, ids) == {("COMPLETED", 1)}


def test_a_thread_that_outlives_its_cancel_ends_with_the_process(
    api: Api, io_worker: ServiceProcess, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ids = wait_at(api, gate, 3)

    assert run(api, "outlive_cancel", timeout=1)["error"]["code"] == "timeout"
    gate.touch()
    assert ends(api, ids) == {("COMPLETED", 1)}


def test_a_process_that_is_killed_while_all_wait_counts_against_no_task(
    api: Api, io_worker: ServiceProcess, client: redis.Redis, tmp_path: Path
) -> None:
    flags = [tmp_path / f"flag{number}" for number in range(MANY)]
    ids = [submit(api, "rest", {"once": str(flag)}) for flag in flags]
    wait_until(lambda: all(flag.exists() for flag in flags))

    os.kill(io_process(client), signal.SIGKILL)

    assert ends(api, ids) == {("COMPLETED", 1)}


def test_runs_that_outlast_the_grace_are_handed_back_uncounted(
    api: Api, redis_url: str, client: redis.Redis, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    log_file = tmp_path / "worker.log"
    with a_worker(redis_url, log_file, **SETTINGS, shutdown_grace_seconds=1) as worker:
        ids = wait_at(api, gate, 5)
        assert worker.stop() == 0
        tasks = [api.task(task_id) for task_id in ids]
        assert {(task["status"], task["attempt"]) for task in tasks} == {("QUEUED", 0)}
        assert [task["queue_position"] for task in tasks] == [1, 2, 3, 4, 5]
        worker.start()
        gate.touch()
        assert ends(api, ids) == {("COMPLETED", 1)}


def test_a_worker_that_stops_lets_its_runs_finish(
    api: Api, io_worker: ServiceProcess, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ids = wait_at(api, gate, 5)
    io_worker.process.terminate()
    wait_until(lambda: "Stopping" in io_worker.output)
    gate.touch()

    assert io_worker.exit_code() == 0
    assert ends(api, ids) == {("COMPLETED", 1)}


def test_a_worker_that_is_killed_takes_its_pool_along_and_the_next_one_runs_all_again(
    api: Api, redis_url: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    settings = {**SETTINGS, "data_dir": tmp_path / "state"}
    with a_worker(redis_url, tmp_path / "one.log", **settings) as killed:
        ids = wait_at(api, gate, 5)
        killed.kill()
        with a_worker(redis_url, tmp_path / "two.log", **settings):
            wait_until(lambda: "Its worker died" in (tmp_path / "two.log").read_text())
            gate.touch()
            assert ends(api, ids) == {("COMPLETED", 1)}


def test_a_stalled_host_leaves_slots_to_the_others(api: Api, io_worker: ServiceProcess) -> None:
    is_open = []
    with (
        Receiver(Response(stall=lambda: wait_until(lambda: is_open))) as stalled,
        Receiver(Response(body="hello")) as good,
    ):
        slow = [submit(api, "http", {"url": stalled.url}) for _ in range(50)]
        wait_until(lambda: len(stalled.requests) >= 10)
        quick = [submit(api, "http", {"url": good.url}) for _ in range(5)]
        assert ends(api, quick) == {("COMPLETED", 1)}
        assert len(stalled.requests) == 10
        is_open.append(True)
        for task_id in slow:
            api.request("POST", f"/tasks/{task_id}/cancel")


def test_a_coroutine_that_asks_for_a_process_gets_one(api: Api, io_worker: ServiceProcess) -> None:
    in_pool, alone = run(api, "process_id"), run(api, "in_a_process")

    assert in_pool["result"] != alone["result"]
    assert run(api, "leave")["error"]["message"] == "SystemExit: goodbye"


def test_a_worker_without_a_pool_runs_the_tasks_of_both_in_their_order(
    api: Api, redis_url: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    ids = [
        submit(api, "hold" if number % 2 else "wait_at", {"gate": str(gate)}, priority=number // 3)
        for number in range(6)
    ]
    settings = {**SETTINGS, "io_concurrency": 0}
    with a_worker(redis_url, tmp_path / "worker.log", **settings):
        tasks = list(map(api.final, ids))

    started = sorted(tasks, key=lambda task: task["started_at"])
    assert [task["task_id"] for task in started] == [*ids[3:], *ids[:3]]
