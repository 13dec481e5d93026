"""`task-manager local`, which `make run` calls: the whole service on a machine with only Python."""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import redis
import requests

from tests.integration.processes import ServiceProcess, free_port, is_dead
from tests.integration.waiting import PATIENCE, wait_until

READY = re.compile(r"Task Manager API is ready: (http://\S+)")
STARTED = re.compile(r"^(\w+) +started \(process (\d+)\)$", re.MULTILINE)


class LocalStack(ServiceProcess):
    def __init__(self, log: Path, data_dir: Path, port: int, **settings: object) -> None:
        defaults = {"http_workers": 1, "worker_concurrency": 1, "lease_seconds": 3}
        super().__init__(
            "local", log, **{**defaults, "http_port": port, "data_dir": data_dir, **settings}
        )

    def url(self) -> str:
        match = wait_until(lambda: READY.search(self.output), 40)
        return match.group(1)

    def pid_of(self, name: str) -> int:
        """Return the id of the latest process of that name."""
        return dict(STARTED.findall(self.output)) and int(dict(STARTED.findall(self.output))[name])


class TerminalStack(LocalStack):
    """A stack that leads the session of a terminal of its own, as if a shell had started it."""

    def __enter__(self) -> Self:
        self.terminal, inside = os.openpty()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._arguments,
                env=self._environment,
                stdin=inside,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
        os.close(inside)
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        os.close(self.terminal)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LocalStack]]:
    stacks: list[LocalStack] = []

    def start(data_dir: str = "data", port: int | None = None) -> LocalStack:
        log = tmp_path / f"stack{len(stacks)}.log"
        stack = LocalStack(log, tmp_path / data_dir, port or free_port())
        stacks.append(stack.__enter__())
        return stack

    yield start
    for stack in stacks:
        stack.__exit__()


def submit(url: str, duration: int = 1) -> str:
    answer = requests.post(
        f"{url}/tasks", json={"task_name": "test", "duration": duration}, timeout=PATIENCE
    )
    task_id: str = answer.json()["task_id"]
    return task_id


def status(url: str, task_id: str) -> str | None:
    try:
        answer = requests.get(f"{url}/tasks/{task_id}", timeout=PATIENCE)
    except requests.RequestException:
        return None
    return answer.json().get("status") if answer.ok else None


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


def test_ctrl_c_while_modules_are_imported_ends_the_command_without_a_traceback(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'entrypoints.settings':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "import entrypoints.cli\n"
    )
    program = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert (program.returncode, program.stderr) == (-signal.SIGINT, "")


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


def test_the_files_stay_locked_until_the_server_of_a_killed_stack_has_ended(start) -> None:
    first = start()
    first.url()
    server = psutil.Process(first.pid_of("redis"))
    url = psutil.Process(first.pid_of("api")).environ()["TASKS_REDIS_URL"]
    busy = threading.Thread(target=_keep_busy, args=(url,), daemon=True)
    used = server.cpu_times().user
    busy.start()
    wait_until(lambda: server.cpu_times().user > used + 0.2)
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait()
    try:
        second = start()
        assert second.exit_code() == 2
        assert "another running stack uses" in second.output
    finally:
        server.kill()


def _keep_busy(url: str) -> None:
    """Run a script that ends only with the server, so that the server cannot stop by itself."""
    with (
        redis.Redis.from_url(url, socket_timeout=60) as client,
        contextlib.suppress(redis.RedisError),
    ):
        client.eval("while true do redis.call('SET', 'busy', 1) end", 0)


def test_a_proxy_in_the_environment_is_not_used(start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert start().url()


def test_a_second_stack_on_the_same_data_says_what_is_taken(start) -> None:
    start().url()

    second = start()

    assert second.exit_code() == 2
    assert re.search(
        r"TASKS_DATA_DIR is '.*/data', which another running stack uses \(process \d+\)",
        second.output,
    )
    assert "Traceback" not in second.output


def test_a_second_stack_on_the_same_port_says_what_is_taken(start) -> None:
    first = start()
    port = int(first.url().rsplit(":", 1)[1])

    second = start(data_dir="other", port=port)

    assert second.exit_code() == 2
    assert (
        f"TASKS_HTTP_HOST and TASKS_HTTP_PORT are 127.0.0.1:{port}, which is not available"
        in second.output
    )
    assert "Traceback" not in second.output


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


def test_a_handler_that_reads_the_terminal_fails_alone(tmp_path: Path) -> None:
    handlers = "tests.integration.stuck_work"
    with TerminalStack(
        tmp_path / "stack.log", tmp_path / "data", free_port(), handlers=handlers
    ) as stack:
        url = stack.url()

        terminal = run(url, "ask_at_the_terminal")
        stdin = run(url, "read_stdin")
        os.write(stack.terminal, b"\x03")  # Ctrl-C
        code = stack.exit_code()

    assert (terminal["status"], terminal["attempt"]) == ("FAILED", 1)
    assert "No such device or address: '/dev/tty'" in terminal["error"]["message"]
    assert (stdin["status"], stdin["result"]) == ("COMPLETED", "")
    assert code == 0
    assert "Everything has stopped." in stack.output


CTRL_C = b"\x03"


def test_ctrl_c_without_running_work_says_so_and_ends_at_once(tmp_path: Path) -> None:
    with TerminalStack(tmp_path / "stack.log", tmp_path / "data", free_port()) as stack:
        stack.url()

        os.write(stack.terminal, CTRL_C)

        assert stack.process.wait(30) == 0
    assert "Stopping. No task is running. Ctrl-C again ends everything at once." in stack.output
    shutdown = stack.output.partition("Stopping. No task is running")[2]
    assert "Celery" not in stack.output
    assert "MainProcess" not in stack.output
    assert shutdown.index("redis        stopped") > shutdown.index("api          stopped")


def test_a_second_ctrl_c_ends_running_and_stuck_work_at_once_and_it_runs_again(
    tmp_path: Path,
) -> None:
    data, port = tmp_path / "data", free_port()
    settings = {
        "handlers": "tests.integration.stuck_work",
        "shutdown_grace_seconds": 3600,
        "worker_concurrency": 2,
    }
    with TerminalStack(
        tmp_path / "stack.log", data, port, **{**settings, "lease_seconds": 60}
    ) as stack:
        url = stack.url()
        running = submit(url, duration=2)
        body = {"task_name": "stuck", "type": "stop_itself", "payload": {"times": 1}}
        stuck = requests.post(f"{url}/tasks", json=body, timeout=10).json()["task_id"]
        wait_until(lambda: {status(url, running), status(url, stuck)} == {"PROCESSING"})
        os.kill(stack.pid_of("worker"), signal.SIGSTOP)
        processes = stack.children()

        os.write(stack.terminal, CTRL_C)
        wait_until(lambda: "Stopping. 2 running tasks have up to 3600 s to finish" in stack.output)
        assert "Ctrl-C again ends everything at once." in stack.output
        os.write(stack.terminal, CTRL_C)

        assert stack.process.wait(30) == 0
        assert not [process for process in processes if not is_dead(process)]
        assert "worker       killed" in stack.output
        assert {
            f"worker       task {each} is queued again" in stack.output for each in (running, stuck)
        } == {True}
    with LocalStack(tmp_path / "again.log", data, port, **settings) as again:
        url = again.url()
        for task_id in (running, stuck):
            wait_until(lambda task_id=task_id: status(url, task_id) == "COMPLETED", 30)
        assert (
            requests.get(f"{url}/tasks/{running}", timeout=10).json()["attempt"] == 1
        )  # it does not count as a crash


def test_the_banner_names_a_redis_of_the_users_own(tmp_path: Path, redis_url: str) -> None:
    with LocalStack(
        tmp_path / "stack.log", tmp_path / "data", free_port(), redis_url=redis_url
    ) as stack:
        stack.url()
        wait_until(lambda: "Ctrl-C stops everything but that Redis." in stack.output)

        assert re.search(r"The tasks are stored in your Redis, (redis|unix)://", stack.output)
        assert "redis.url" not in stack.output
        assert "redis        started" not in stack.output
        assert stack.stop(signal.SIGINT) == 0


def run(url: str, type: str) -> dict[str, Any]:
    """Return the task when it is final."""
    answer = requests.post(
        f"{url}/tasks", json={"task_name": "test", "type": type, "payload": {}}, timeout=PATIENCE
    )
    task_id = answer.json()["task_id"]
    return dict(requests.get(f"{url}/tasks/{task_id}?wait=30", timeout=PATIENCE).json())


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=PATIENCE).ok
    except requests.RequestException:
        return False
