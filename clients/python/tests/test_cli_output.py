"""The commands use the right service, and show people readable tables and errors."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import CommandLine, Done
from test_client_faults import a_problem
from test_client_values import TASK
from tests.integration.ports import free_port
from tests.integration.receiver import Receiver, Response

from entrypoints.cli import main as server
from entrypoints.commands import COMMANDS as SERVER_COMMANDS
from task_manager_cli.commands import COMMANDS
from task_manager_cli.main import SHARED


@pytest.fixture
def away(tmp_path: Path) -> CommandLine:
    """The command line of a service that is not there."""
    return CommandLine(f"http://127.0.0.1:{free_port()}", tmp_path)


@pytest.fixture
def faulty(receiver: Receiver, tmp_path: Path) -> CommandLine:
    """The command line of a service that responds as the test says."""
    return CommandLine(receiver.url, tmp_path)


def a_task(**members: object) -> dict[str, object]:
    return {**TASK, **members}


def page(*tasks: dict[str, object]) -> Response:
    return Response(200, {"pagination": {"page_size": 100}, "tasks": list(tasks)})


def on_terminal(run: CommandLine, *arguments: str, typed: str = "", **environment: str) -> Done:
    asked: list[str] = []

    def answer(output: str) -> str | None:
        if "[y/N]" in output and not asked:
            asked.append(output)
            return typed
        return None

    return run.on_terminal(*arguments, answer=answer, **environment)


def test_a_service_that_is_away_exits_with_5_and_says_what_to_do(away: CommandLine) -> None:
    done = away("list")

    assert done.code == 5
    assert "make run" in done.stderr
    assert away.environment["TASKS_URL"] in done.stderr
    assert away("doctor").code == 5


def test_a_service_that_is_too_slow_is_named(receiver: Receiver, faulty: CommandLine) -> None:
    ended = threading.Event()
    receiver.responses[:] = [Response(200, {}, stall=ended.wait)]

    done = faulty("--timeout", "0.2", "submit", "sleep", "-p", "duration=1")
    ended.set()

    assert done.code == 5
    assert "no response in time" in done.stderr
    assert "--timeout 60" in done.stderr
    assert "A change may have arrived" in done.stderr
    assert len({each.headers["idempotency-key"] for each in receiver.requests}) == 1


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "advice"),
    [
        ("capacity", 503, 1, "task-manager delete --status COMPLETED"),
        ("store_unsafe", 503, 1, "The service's log names it"),
        ("overloaded", 503, 1, "Repeat the command in a moment"),
        ("store_unavailable", 503, 5, "cannot use Redis"),
        ("unauthorized", 401, 4, "TASKS_TOKEN"),
        ("forbidden", 403, 4, "TASKS_TOKEN"),
        ("task_not_found", 404, 3, "task-manager list"),
        ("host_not_allowed", 421, 1, "TASKS_HTTP_ALLOWED_HOSTS"),
    ],
)
def test_each_refusal_says_what_to_do_next(
    receiver: Receiver, faulty: CommandLine, code: str, status: int, exit_code: int, advice: str
) -> None:
    receiver.responses[:] = [a_problem(code, status)]

    done = faulty("submit", "sleep", "-p", "duration=1")

    assert done.code == exit_code
    assert "It failed." in done.stderr
    assert advice in done.stderr
    assert done.stdout == ""


def test_the_page_of_a_proxy_is_no_traceback(receiver: Receiver, faulty: CommandLine) -> None:
    receiver.responses[:] = [Response(200, "<h1>hello</h1>")]

    done = faulty("queues")

    assert done.code == 1
    assert "task-manager config" in done.stderr


def test_the_table_of_a_terminal_escapes_names_and_has_colours(
    receiver: Receiver, faulty: CommandLine
) -> None:
    receiver.responses[:] = [page(a_task(task_name="\x1b[31mevil\n\u202e", status="FAILED"))]

    done = on_terminal(faulty, "list")

    assert "STATUS" in done.stdout
    assert r"\u001b[31mevil\n\u202e" in done.stdout.replace("\n", "")
    assert "\x1b[31mFAILED" in done.stdout
    plain = on_terminal(faulty, "list", NO_COLOR="1")
    assert "\x1b[31m" not in plain.stdout
    assert "FAILED" in plain.stdout
    piped = faulty("list", "--json")
    assert "\x1b" not in piped.stdout
    assert json.loads(piped.stdout)[0]["task_name"] == "\x1b[31mevil\n\u202e"


@pytest.mark.parametrize(("columns", "is_wide"), [("80", False), ("140", True)])
def test_a_table_breaks_no_id_and_leaves_out_what_is_empty_or_finds_no_room(
    receiver: Receiver, faulty: CommandLine, columns: str, is_wide: bool
) -> None:
    receiver.responses[:] = [page(a_task(task_name="long " * 20))]

    shown = on_terminal(faulty, "list", NO_COLOR="1", COLUMNS=columns).stdout

    assert f"{TASK['task_id']}  COMPLETED" in shown
    assert "ERROR" not in shown
    assert ("QUEUE" in shown) == ("FINISHED" in shown) == is_wide


@pytest.mark.parametrize(("typed", "code", "requests"), [("y\r", 0, 2), ("n\r", 130, 1)])
def test_a_question_is_asked_on_a_terminal(
    receiver: Receiver, faulty: CommandLine, typed: str, code: int, requests: int
) -> None:
    counted = {"matched": 3, "done": 0, "would_be_done": 3, "remaining": 0}
    receiver.responses[:] = [Response(200, counted), Response(200, {**counted, "done": 3})]

    done = on_terminal(faulty, "delete", "--status", "COMPLETED", typed=typed)

    assert "Delete 3 tasks?" in done.stdout
    assert (done.code, len(receiver.requests)) == (code, requests)


def test_a_filter_that_makes_no_progress_ends(receiver: Receiver, faulty: CommandLine) -> None:
    receiver.responses[:] = [Response(200, {"matched": 10_000, "done": 0, "remaining": 5})]

    done = faulty("cancel", "--status", "PROCESSING", "--yes")

    assert (done.code, len(receiver.requests)) == (1, 1)
    assert "none can be changed" in done.stderr


def test_a_flag_comes_before_the_environment_and_that_before_a_profile(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.responses[:] = [Response(200, {"queues": []})]
    run = CommandLine(None, tmp_path)
    file = tmp_path / ".config" / "task-manager" / "config.toml"
    file.parent.mkdir(parents=True)
    secret = tmp_path / "token"
    secret.write_text("from-file\n")
    file.write_text(
        f'[default]\nurl = "{receiver.url}/a"\ntoken = "from-profile"\n'
        f'[other]\nurl = "{receiver.url}/b"\ntoken_file = "{secret}"\n'
    )

    def used(*arguments: str, **environment: str) -> tuple[str, str]:
        assert run(*arguments, "queues", **environment).code == 0
        request = receiver.requests[-1]
        return request.path, request.headers["authorization"].removeprefix("Bearer ")

    env = {"TASKS_URL": f"{receiver.url}/c", "TASKS_TOKEN_FILE": str(secret)}
    assert used() == ("/a/queues", "from-profile")
    assert used("--profile", "other") == ("/b/queues", "from-file")
    assert used("--profile", "other", **env) == ("/c/queues", "from-file")
    assert used(**env, TASKS_TOKEN="from-env") == ("/c/queues", "from-env")
    flags = ("--url", f"{receiver.url}/d", "--token", "from-flag")
    assert used(*flags, **env) == ("/d/queues", "from-flag")
    shown = run("--profile", "other", "config").stdout
    assert "profile other" in shown
    assert "from-file" not in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[default]\nurk = 'x'", "unknown urk"),
        ("[default", "cannot read"),
        ("default = 3", "not a table"),
        ("[default]\nurl = 'localhost:1'", "is not a URL"),
        ("[default]\ntoken_file = '/nowhere'", "cannot read /nowhere"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / ".config" / "task-manager" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)

    done = CommandLine(None, tmp_path)("queues")

    assert (done.code, message in done.stderr) == (2, True)
    assert CommandLine(None, tmp_path)("--profile", "nope", "queues").code == 2


def test_the_servers_commands_are_listed_with_their_help_and_run(away: CommandLine) -> None:
    listed = away("--help").stdout

    for name, text in SERVER_COMMANDS.items():
        assert f"  {name} " in listed
        assert server.commands[name].help.startswith(text)
    for name in COMMANDS:
        assert f"  {name} " in listed
    assert set(SERVER_COMMANDS) == set(server.commands)
    assert set(SERVER_COMMANDS) & set(COMMANDS) == SHARED
    assert "## task_not_found" in away("problems").stdout
    settings = {"TASKS_TOKEN": "x"}  # the service ignores what the client reads
    assert away("handlers", **settings).code == 0
    assert away("--timeout", "3", "problems").code == 2


def test_help_imports_neither_the_client_nor_the_server() -> None:
    program = (
        "import sys; sys.argv = ['task-manager', '--help']\n"
        "from task_manager_cli.main import run\n"
        "try: run()\n"
        "except SystemExit: print({'httpx2', 'rich', 'flask', 'environs'} & {*sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"
