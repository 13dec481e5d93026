"""The commands do with a real service what their help says."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import CommandLine
from tests.integration.receiver import Receiver
from tests.integration.waiting import wait_until

from task_manager_cli.commands import COMMANDS

UNKNOWN = "01a20bb4-9a7e-7242-9285-65a78dec96c7"


def submitted(run: CommandLine, *arguments: str) -> str:
    done = run("submit", *arguments)
    assert done.code == 0, done.stderr
    return done.stdout.strip()


def test_a_result_is_printed_as_json_and_messages_go_to_stderr(run: CommandLine) -> None:
    done = run("submit", "greet", "hello", "-p", "name=Ada", "-p", "times:=2", "--wait")

    assert json.loads(done.stdout) == {"greeting": "Hello Ada! Hello Ada! ", "year": None}
    assert "Submitted" in done.stderr
    assert done.code == 0


def test_a_payload_is_read_from_a_file_and_from_stdin(run: CommandLine, queue: str) -> None:
    task_id = submitted(run, "sleep", "-p", "duration=3", "--queue", queue, "--label", "a=b=c")
    url = run(
        "submit",
        "http",
        "-f",
        "-",
        "-p",
        "json.n:=9007199254740993",
        "--queue",
        queue,
        "--retries",
        "2",
        "--run-at",
        "2h",
        "--priority",
        "7",
        "--timeout",
        "60",
        stdin='{"url": "https://example.com/"}',
    )

    sleep = json.loads(run("get", "--json", task_id).stdout)
    assert (sleep["duration"], sleep["labels"]) == (3, {"a": "b=c"})
    http = json.loads(run("get", "--json", url.stdout.strip()).stdout)
    assert http["payload"] == {"url": "https://example.com/", "json": {"n": 9007199254740993}}
    assert (http["status"], http["priority"], http["timeout"]) == ("SCHEDULED", 7, 60)
    assert http["retry"]["max_attempts"] == 3


def test_a_failed_task_exits_with_10_and_a_cancelled_one_with_11(
    run: CommandLine, queue: str
) -> None:
    failed = run("submit", "order", "-p", "product=tea", "--wait")
    cancelled = submitted(run, "sleep", "-p", "duration=1", "--queue", queue)
    assert run("cancel", cancelled).code == 0

    assert failed.code == 10
    assert "OutOfStock: tea" in failed.stderr
    waited = run("wait", cancelled)
    assert waited.code == 11
    assert waited.rows[0][:2] == [cancelled, "CANCELLED"]


def test_a_wait_that_takes_too_long_exits_with_124(run: CommandLine, queue: str) -> None:
    task_id = submitted(run, "sleep", "-p", "duration=1", "--queue", queue)

    done = run("wait", task_id, "--timeout", "0.2")

    assert done.code == 124
    assert f"task-manager wait {task_id}" in done.stderr


def test_a_submit_with_a_key_submits_nothing_twice(run: CommandLine, queue: str) -> None:
    first, second = (
        submitted(run, "sleep", "-p", "duration=1", "--queue", queue, "--key", queue)
        for _ in range(2)
    )

    assert first == second


def test_tasks_are_listed_filtered_and_counted(run: CommandLine, queue: str) -> None:
    ids = [
        submitted(run, "sleep", name, "-p", "duration=1", "--queue", queue, "--label", f"n={name}")
        for name in ("one", "two")
    ]

    assert run("list", "--queue", queue, "--ids").stdout.split() == ids[::-1]
    assert run("list", "--label", "n=one", "--queue", queue, "--ids").stdout.split() == ids[:1]
    assert run("list", "--queue", queue, "--since", "1h", "-n", "1").rows[0][3] == "two"
    assert run("list", "--queue", queue, "--until", "1h").stdout == ""
    lines = run("list", "--queue", queue, "--oldest", "--jsonl").stdout.splitlines()
    assert [json.loads(line)["task_id"] for line in lines] == ids
    assert len(json.loads(run("list", "--queue", queue, "-q", "TWO", "--json").stdout)) == 1


def test_a_log_is_printed_and_followed_to_the_end(run: CommandLine) -> None:
    done = run("submit", "count_to", "-p", "number:=3", "--follow")
    task_id = done.stderr.split()[1]

    assert [row[2].rpartition(" ")[2] for row in done.rows[:-1]] == ["1", "2", "3"]
    assert done.stdout.splitlines()[-1] == "3"
    assert run("logs", task_id).rows == done.rows[:-1]
    events = run("events", task_id, "--jsonl").stdout.splitlines()
    assert json.loads(events[-1])["task"]["status"] == "COMPLETED"


def test_ids_from_stdin_are_cancelled_retried_and_deleted(run: CommandLine, queue: str) -> None:
    for _ in range(2):
        submitted(run, "sleep", "-p", "duration=1", "--queue", queue)
    ids = run("list", "--queue", queue, "--ids").stdout

    assert run("cancel", "-", "--dry-run", stdin=ids).stdout == "2\n"
    assert json.loads(run("cancel", "-", "--json", stdin=ids).stdout) == {"matched": 2, "done": 2}
    again = run("cancel", "-", stdin=ids)
    assert (again.code, "status does not allow" in again.stderr) == (1, True)
    assert run("retry", "-", stdin=ids).code == 0
    assert run("delete", "-", stdin=ids + UNKNOWN).code == 1
    assert run("list", "--queue", queue).stdout == ""


def test_filters_need_yes_without_a_terminal(run: CommandLine, queue: str) -> None:
    for _ in range(2):
        submitted(run, "sleep", "-p", "duration=1", "--queue", queue)

    refused = run("cancel", "--queue", queue)
    assert (refused.code, "Add --yes" in refused.stderr) == (2, True)
    assert run("cancel", "--queue", queue, "--dry-run").stdout == "2\n"
    assert "2 of 2" in run("cancel", "--queue", queue, "--yes").stderr
    assert run("retry", "--queue", queue, "--dry-run").stdout == "0\n"  # CANCELLED must be named
    assert run("retry", "--queue", queue, "--status", "cancelled", "--dry-run").stdout == "2\n"
    assert run("delete").code == run("delete", "--all", "--queue", queue).code == 2
    assert run("delete", "--queue", queue, "-y").code == 0


def test_a_task_is_edited_and_duplicated(run: CommandLine, queue: str) -> None:
    task_id = submitted(run, "greet", "-p", "name=Ada", "--queue", queue, "--priority", "9")

    changed = run("edit", task_id, "--set", "labels.team=red", "--set", "priority:=null", "--json")
    assert json.loads(changed.stdout)["labels"] == {"team": "red"}
    assert json.loads(changed.stdout)["priority"] == 5
    copy = run("duplicate", task_id, "--set", "payload.name=Grace", "--json")
    made = json.loads(copy.stdout)
    assert made["task_id"] != task_id
    assert (made["payload"], made["labels"]) == ({"name": "Grace"}, {"team": "red"})


def test_an_editor_changes_a_task_unless_it_was_changed_meanwhile(
    run: CommandLine, queue: str
) -> None:
    task_id = submitted(run, "greet", "-p", "name=Ada", "--queue", queue)
    quiet: dict[str, object] = {"answer": lambda _: None}
    editor = "sed -i s/Ada/Grace/"

    done = run.on_terminal("edit", task_id, **quiet, EDITOR=editor)  # type: ignore[arg-type]
    assert done.code == 0
    assert json.loads(run("get", "--json", task_id).stdout)["payload"] == {"name": "Grace"}

    other = f"sh -c '{run_script(run)} edit {task_id} --set priority:=1 && sed -i s/Grace/Eve/ $0'"
    late = run.on_terminal("edit", task_id, **quiet, EDITOR=other)  # type: ignore[arg-type]
    assert late.code == 1
    assert "Read it again" in late.stdout
    assert json.loads(run("get", "--json", task_id).stdout)["payload"] == {"name": "Grace"}


def run_script(run: CommandLine) -> str:
    from command_line import SCRIPT

    return f"TASKS_URL={run.environment['TASKS_URL']} {SCRIPT}"


def test_callbacks_are_listed_and_sent_again(run: CommandLine, receiver: Receiver) -> None:
    task_id = submitted(run, "sleep", "-p", "duration=1", "--callback-url", f"{receiver.url}/done")
    receiver.wait_for(1)
    [row] = wait_until(lambda: run("deliveries", task_id).rows)

    assert row[3:5] == ["delivered", "200"]
    rows = run("deliveries", "--all").rows
    assert [each[4:6] for each in rows if each[0] == task_id] == [["delivered", "200"]]
    assert run("deliveries", "--outcome", "given_up").stdout == ""
    assert run("resend", task_id).code == 0
    assert len(receiver.wait_for(2)) == 2


def test_the_history_of_a_task_says_who_changed_what(run: CommandLine, queue: str) -> None:
    task_id = submitted(run, "sleep", "-p", "duration=1", "--queue", queue)
    assert run("edit", task_id, "--set", "priority:=9").code == 0
    assert run("cancel", task_id).code == 0

    rows = run("history", task_id).rows

    assert [[row[0], row[2], row[4]] for row in rows] == [
        ["1", "task.submitted", "anonymous 127.0.0.1"],
        ["2", "task.updated", "anonymous 127.0.0.1"],
        ["3", "task.cancelled", "anonymous 127.0.0.1"],
    ]
    assert rows[1][6] == "priority 5 → 9"
    assert rows[2][6].startswith("status QUEUED → CANCELLED, error none → ")
    document = json.loads(run("history", task_id, "--json").stdout)
    assert [entry["version"] for entry in document] == [1, 2, 3]
    assert run("history", "nonsense").code == 3


def test_the_service_is_described(run: CommandLine, queue: str) -> None:
    task_id = submitted(run, "sleep", "-p", "duration=1", "--queue", queue)

    assert run("queues", "pause", queue).code == 0
    assert [row[-1] for row in run("queues").rows if row[0] == queue] == ["yes"]
    doctor = run("doctor")
    assert (doctor.code, f"queues resume {queue}" in doctor.stdout) == (1, True)
    assert run("queues", "resume", queue).code == 0
    assert f"TASKS_QUEUES={queue} task-manager worker" in run("doctor").stdout
    assert ["desired_places", "1"] in run("queues", "scaling", queue, "--drain", "60").rows
    assert json.loads(run("queues", "scaling", queue, "--json").stdout)["backlog"] == 1
    assert run("queues", "remove", queue).code == 1
    assert run("delete", task_id).code == 0

    assert [row[3] for row in run("workers").rows] == ["default"]
    assert "greet" in run("types", "--ids").stdout.split()
    assert json.loads(run("types", "greet").stdout)["required"] == ["name"]
    assert run("types", "gret").code == 3
    assert json.loads(run("stats", "--json").stdout)["total"] >= 0
    assert run("open", UNKNOWN).stdout.endswith(f"/#/tasks/{UNKNOWN}\n")


def test_ctrl_c_ends_a_stream_with_130(run: CommandLine, queue: str) -> None:
    task_id = submitted(run, "sleep", "-p", "duration=1", "--queue", queue)
    with run.start("events", "--queue", queue) as events:
        assert events.stdout is not None
        assert task_id in events.stdout.readline()
        events.send_signal(signal.SIGINT)
        assert events.wait() == 130


@pytest.mark.parametrize("name", ["list", "queues", "workers", "stats"])
def test_what_is_watched_is_drawn_again_until_ctrl_c(run: CommandLine, name: str) -> None:
    seen = {"list": "STATUS", "queues": "PAUSED", "workers": "HEARTBEAT", "stats": "COMPLETED"}

    def answer(output: str) -> str | None:
        return "\x03" if seen[name] in output and "^C" not in output else None

    done = run.on_terminal(name, "--watch", answer=answer)

    assert done.code == 130
    assert "Traceback" not in done.stdout


def test_a_batch_on_a_terminal_shows_its_progress(
    run: CommandLine, queue: str, tmp_path: Path
) -> None:
    file = tmp_path / "tasks.ndjson"
    line = json.dumps({"task_name": "n", "duration": 1, "queue": queue})
    file.write_text(f"{line}\n" * 2_000)

    done = run.on_terminal("batch", str(file), answer=lambda _: None)

    assert done.code == 0
    assert "a second" in done.stdout
    assert "Submitted 2,000 tasks" in done.stdout


@pytest.mark.parametrize("number", [2, 3_000])
def test_a_reader_that_has_enough_is_no_error(run: CommandLine, queue: str, number: int) -> None:
    line = json.dumps({"task_name": "n", "duration": 1, "queue": queue})
    assert run("batch", stdin=f"{line}\n" * number).code == 0
    command = f"{run_script(run)} list --queue {queue} --all --jsonl"

    done = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example_and_begins_as_in_the_list(
    run: CommandLine, name: str
) -> None:
    done = run(name, "--help")

    assert done.code == 0
    assert re.search(rf"task-manager .*{name}", done.stdout)
    assert re.search(r"Examples?[:, ]", done.stdout)


def test_doctor_looks_at_this_host_if_no_service_is_named(
    run: CommandLine, redis_server_url: str, tmp_path: Path
) -> None:
    settings = {"TASKS_REDIS_URL": redis_server_url, "TASKS_DATA_DIR": str(tmp_path / "data")}

    here = run("doctor", TASKS_URL="", **settings)

    assert [line.split()[1] for line in here.stdout.splitlines()[:2]] == ["settings", "handlers"]
    assert "ok       workers " in here.stdout
    assert run("doctor", **settings).stdout.startswith("ok       URL ")
    assert run("--help").stdout.count("\n  doctor ") == 1
