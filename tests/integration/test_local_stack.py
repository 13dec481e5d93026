"""`task-manager local`, which `make run` calls, replaces dead services and loses no task."""

import os
import signal

import psutil
import pytest
import requests

from tests.integration.local_stacks import status, submit
from tests.integration.processes import is_dead
from tests.integration.waiting import PATIENCE, wait_until


def test_a_task_is_completed_kept_over_a_restart_and_nothing_is_left_running(start) -> None:
    stack = start()
    url = stack.url()
    task_id = submit(url)
    wait_until(lambda: status(url, task_id) == "COMPLETED")
    processes = stack.children()

    assert stack.stop(signal.SIGINT) == 0

    assert "Everything has stopped." in stack.output
    assert len(processes) >= 5
    assert not [process for process in processes if not is_dead(process)]
    again = start()
    assert status(again.url(), task_id) == "COMPLETED"
    assert again.stop() == 0


def test_a_process_that_dies_is_started_again(start) -> None:
    stack = start()
    url = stack.url()
    for name in ("worker", "maintenance", "api", "redis"):
        killed = stack.pid_of(name)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda name=name, killed=killed: stack.pid_of(name) != killed)

    assert stack.output.count("ended (signal SIGKILL); starting it again") == 4
    wait_until(lambda: _ready(url), 30)
    task_id = submit(url)
    wait_until(lambda: status(url, task_id) == "COMPLETED", 40)


def test_work_in_progress_survives_a_stop(start) -> None:
    stack = start()
    url = stack.url()
    task_id = submit(url, duration=2)
    wait_until(lambda: status(url, task_id) == "PROCESSING")

    stack.stop()

    again = start()
    wait_until(lambda: status(again.url(), task_id) == "COMPLETED")


def test_a_killed_supervisor_takes_its_processes_with_it(start) -> None:
    stack = start()
    stack.url()
    processes = stack.children()

    os.kill(stack.pid, signal.SIGKILL)
    stack.process.wait()

    wait_until(lambda: all(map(is_dead, processes)), 30)


@pytest.mark.slow
def test_services_that_are_stopped_or_do_not_respond_are_replaced_and_the_reason_is_told(
    start,
) -> None:
    stack = start()
    url = stack.url()
    first_task = submit(url, duration=5)  # the supervisor listens every 2 s
    wait_until(lambda: status(url, first_task) == "COMPLETED")
    stopped = ("worker", "maintenance", "redis")
    before = {name: stack.pid_of(name) for name in (*stopped, "api")}
    for child in (api_processes := psutil.Process(before["api"]).children(recursive=True)):
        child.suspend()
    for name in stopped:
        os.kill(before[name], signal.SIGSTOP)

    for name, pid in before.items():
        wait_until(lambda name=name, pid=pid: stack.pid_of(name) != pid, 60)

    for name in stopped:
        assert (
            f"{name:<12} shows no sign of life for 20 s (its process is stopped); replacing it"
            in stack.output
        )
    assert (
        "api          shows no sign of life for 20 s (no response to GET /livez); replacing it"
        in stack.output
    )
    assert all(map(is_dead, api_processes))
    wait_until(lambda: _ready(url), 40)
    task_id = submit(url)
    wait_until(lambda: status(url, task_id) == "COMPLETED", 40)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=PATIENCE).ok
    except requests.RequestException:
        return False
