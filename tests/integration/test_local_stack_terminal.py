"""`task-manager local` in a terminal: Ctrl-C, and handlers that read from the terminal."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.calls import final, submitted, task_of
from tests.integration.local_stacks import LocalStack, TerminalStack, status
from tests.integration.processes import free_port, is_dead
from tests.integration.waiting import wait_until

CTRL_C = b"\x03"


def test_ctrl_c_while_modules_are_imported_ends_the_command_without_a_traceback(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # as in a terminal
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


def test_ctrl_c_without_running_work_says_so_and_ends_at_once(tmp_path: Path) -> None:
    with TerminalStack(tmp_path / "stack.log", tmp_path / "data", free_port()) as stack:
        stack.url()

        os.write(stack.terminal, CTRL_C)

        assert stack.exit_code() == 0
    assert "Stopping. No task is running. Ctrl-C again ends everything at once." in stack.output
    shutdown = stack.output.partition("Stopping. No task is running")[2]
    assert "Celery" not in stack.output
    assert "MainProcess" not in stack.output
    assert shutdown.index("redis        stopped") > shutdown.index("api          stopped")


def test_a_second_ctrl_c_ends_running_and_stuck_work_at_once_and_it_runs_again(
    tmp_path: Path,
) -> None:
    data, port, gate = tmp_path / "data", free_port(), tmp_path / "gate"
    settings = {
        "handlers": "tests.integration.stuck_work",
        "shutdown_grace_seconds": 3600,
        "worker_concurrency": 2,
    }
    with TerminalStack(
        tmp_path / "stack.log", data, port, **{**settings, "lease_seconds": 60}
    ) as stack:
        url = stack.url()
        running = submitted(url, "runs", type="hold", payload={"gate": str(gate)})
        stuck = submitted(url, "stuck", type="stop_itself", payload={"times": 1})
        wait_until(lambda: {status(url, running), status(url, stuck)} == {"PROCESSING"})
        os.kill(stack.pid_of("worker"), signal.SIGSTOP)
        processes = stack.children()

        os.write(stack.terminal, CTRL_C)
        wait_until(lambda: "Stopping. 2 running tasks have up to 3600 s to finish" in stack.output)
        assert "Ctrl-C again ends everything at once." in stack.output
        os.write(stack.terminal, CTRL_C)

        assert stack.exit_code() == 0
        wait_until(lambda: all(map(is_dead, processes)))
        assert "worker       killed" in stack.output
        assert {
            f"worker       task {each} is queued again" in stack.output for each in (running, stuck)
        } == {True}
    gate.touch()
    with LocalStack(tmp_path / "again.log", data, port, **settings) as again:
        url = again.url()
        for task_id in (running, stuck):
            wait_until(lambda task_id=task_id: status(url, task_id) == "COMPLETED")
        assert task_of(url, running)["attempt"] == 1  # it does not count as a crash


def run(url: str, type: str) -> dict[str, Any]:
    """Return the task when it is final."""
    return final(url, submitted(url, "test", type=type, payload={}))
