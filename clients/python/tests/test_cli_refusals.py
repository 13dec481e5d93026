"""Each command says what to do if the service is away, wants a key, or has a full store."""

import json
import random
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from command_line import CommandLine, Done
from test_client_faults import a_problem
from tests.integration.local_stacks import Local
from tests.integration.ports import free_port
from tests.integration.receiver import Receiver
from tests.integration.waiting import wait_until

from task_manager_cli.commands import COMMANDS
from task_manager_client import Client
from task_manager_client.errors import Capacity

WITHOUT_SERVICE = {"open", "completion", "config"}
PATIENT = {"wait": ["x"], "events": []}
"""Commands that try again for a minute."""
OTHERS: dict[str, list[str]] = {
    "submit": ["sleep", "-p", "duration=1"],
    "batch": ["tasks.ndjson"],
    "get": ["x"],
    "list": [],
    "logs": ["x"],
    "history": ["x"],
    "cancel": ["x"],
    "retry": ["--status", "FAILED", "--yes"],
    "delete": ["x"],
    "edit": ["x", "--set", "priority:=1"],
    "duplicate": ["x"],
    "deliveries": [],
    "resend": ["x"],
    "link": ["x"],
    "schedules": ["get", "x"],
    "queues": ["pause", "x"],
    "workers": [],
    "types": [],
    "stats": [],
    "series": [],
    "doctor": [],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder with a file for `batch`."""
    (tmp_path / "tasks.ndjson").write_text('{"task_name": "a", "duration": 1}\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_all(url: str, home: Path, commands: dict[str, list[str]]) -> dict[str, Done]:
    """Run the commands side by side, and return what each printed."""
    run = CommandLine(url, home)
    started = {name: run.start(name, *arguments) for name, arguments in commands.items()}
    done = {}
    for name, process in started.items():
        stdout, stderr = process.communicate()
        done[name] = Done(process.returncode, stdout, stderr)
    return done


def test_the_commands_below_are_all_that_talk_to_the_service() -> None:
    assert {*OTHERS, *PATIENT, *WITHOUT_SERVICE} == {*COMMANDS}


def test_each_command_says_what_to_do_if_the_service_is_away(folder: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    for name, done in run_all(url, folder, OTHERS).items():
        told = done.stdout if name == "doctor" else done.stderr
        assert done.code == 5, (name, done)
        assert f"{url} did not respond" in told, (name, done)
        assert "Is the service running (make run" in told, (name, done)


@pytest.mark.parametrize("status", [401, 403])
def test_each_command_says_how_to_give_a_key(folder: Path, receiver: Receiver, status: int) -> None:
    receiver.responses[:] = [a_problem("unauthorized", status)]

    for name, done in run_all(receiver.url, folder, {**OTHERS, **PATIENT}).items():
        told = done.stdout if name == "doctor" else done.stderr
        assert done.code == 4, (name, done)
        assert "Set TASKS_TOKEN or TASKS_TOKEN_FILE" in told, (name, done)


@pytest.mark.parametrize("command", [["wait", "x"], ["events"], ["logs", "-f", "x"]], ids=" ".join)
def test_a_command_that_tries_again_says_so(folder: Path, command: list[str]) -> None:
    run = CommandLine(f"http://127.0.0.1:{free_port()}", folder)

    with run.start(*command) as waiting:
        assert waiting.stderr is not None
        assert "did not respond" in waiting.stderr.readline()
        assert "Trying again" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait() == 130


@pytest.fixture
def small(tmp_path: Path) -> Iterator[str]:
    """Start a service whose store has 16 MiB, and return its URL."""
    settings = {"embedded_max_memory_mb": 16, "handlers": "tests.integration.work"}
    with Local(tmp_path / "log", tmp_path / "data", **settings) as stack:
        yield stack.url()


def fill(url: str) -> None:
    """Submit tasks with large payloads until the service refuses them. All become COMPLETED."""
    with Client(url) as client, suppress(Capacity):
        while True:
            name = random.randbytes(50_000).hex()
            client.result(client.submit("big", type="greet", payload={"name": name}).task_id)


def test_the_advice_for_a_full_store_makes_room(small: str, tmp_path: Path) -> None:
    fill(small)
    run = CommandLine(small, tmp_path)
    submit = ("submit", "greet", "-p", "name=Ada", "--wait")

    refused = run(*submit)

    assert refused.code == 1
    assert "full" in refused.stderr
    [advice] = re.findall(r"\(task-manager (delete [^)]*)\)", refused.stderr)
    assert run(*advice.split(), "--yes").code == 0
    done = wait_until(lambda: (tried := run(*submit)).code == 0 and tried)
    assert json.loads(done.stdout)["greeting"] == "Hello Ada! "
