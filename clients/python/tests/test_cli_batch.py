"""`batch` submits each line once, however often it is broken off and repeated."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import SCRIPT, CommandLine
from test_client_faults import a_problem
from test_client_values import TASK
from tests.integration.receiver import Receiver, Response

LINES = 5_000


def lines(queue: str, number: int, **members: object) -> list[dict[str, object]]:
    return [
        {"task_name": f"n{each}", "duration": 1, "queue": queue, **members}
        for each in range(number)
    ]


def a_file(path: Path, tasks: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(task) + "\n" for task in tasks))
    return str(path)


def names(run: CommandLine, queue: str) -> list[str]:
    return [row[3] for row in run("list", "--queue", queue, "--all", "--oldest").rows]


def test_a_run_that_was_killed_and_repeated_doubles_and_loses_none(
    run: CommandLine, queue: str, tmp_path: Path
) -> None:
    file = a_file(tmp_path / "tasks.ndjson", lines(queue, LINES))
    all_but_one = ["sh", "-c", f"head -n {LINES - 1} {file}; exec sleep 600"]
    with (
        subprocess.Popen(all_but_one, stdout=subprocess.PIPE, text=True) as source,
        run.start("batch", "-", "--ids", "--parallel", "1", stdin=source.stdout) as killed,
    ):
        assert killed.stdout is not None
        killed.stdout.readline()  # the first chunk is stored
        killed.send_signal(signal.SIGKILL)
        source.kill()
    stored = len(names(run, queue))
    assert 1_000 <= stored < LINES

    repeated = json.loads(run("batch", file, "--json").stdout)

    assert repeated["submitted"] + repeated["replayed"] == LINES
    assert repeated["replayed"] >= stored
    assert sorted(names(run, queue)) == sorted(f"n{each}" for each in range(LINES))
    again = json.loads(run("batch", file, "--json").stdout)
    assert again == {"submitted": 0, "replayed": LINES, "rejected": 0}


@pytest.mark.parametrize(("wrong", "code"), [([], 0), ([{"task_name": ""}], 1)])
def test_all_is_submitted_although_nobody_reads_the_ids(
    run: CommandLine, queue: str, tmp_path: Path, wrong: list[dict[str, object]], code: int
) -> None:
    file = a_file(tmp_path / "tasks.ndjson", lines(queue, 3_000) + wrong)
    rejects = str(tmp_path / "rejects")
    reader, unread = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [SCRIPT, "batch", file, "--ids", "--rejects", rejects],
        stdout=unread,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=run.environment,
    )
    os.close(unread)

    assert (done.returncode, "Submitted 3,000 tasks" in done.stderr) == (code, True), done.stderr
    assert len(names(run, queue)) == 3_000


def test_another_key_submits_the_same_file_again(
    run: CommandLine, queue: str, tmp_path: Path
) -> None:
    file = a_file(tmp_path / "tasks.ndjson", lines(queue, 3))

    for key in ("a", "b", "b"):
        assert run("batch", file, "--key", key).code == 0

    assert len(names(run, queue)) == 6


def test_options_hold_for_tasks_that_name_nothing_else(run: CommandLine, queue: str) -> None:
    text = '{"duration": 1}\n\n{"duration": 2, "task_name": "own", "labels": {"b": "2"}}\n'

    done = run(
        "batch", "-", "--type", "sleep", "--queue", queue, "--label", "a=1", "--ids", stdin=text
    )

    assert len(done.stdout.split()) == 2
    listed = [
        json.loads(each) for each in run("list", "--queue", queue, "--jsonl").stdout.splitlines()
    ]
    assert {each["task_name"]: each["labels"] for each in listed} == {
        "sleep": {"a": "1"},
        "own": {"a": "1", "b": "2"},
    }


def test_csv_columns_are_mapped_to_members(run: CommandLine, queue: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text('\ufefftitle,who,n\r\na,Ada,3\r\nb,"x,\ny",\r\n', newline="")
    mapping = ("--map", "title=task_name", "--map", "who=payload.name", "--map", "n:=payload.times")

    assert run("batch", str(file), "--type", "greet", "--queue", queue, *mapping).code == 0

    listed = run("list", "--queue", queue, "--oldest", "--jsonl").stdout.splitlines()
    assert [json.loads(each)["payload"] for each in listed] == [
        {"name": "Ada", "times": 3},
        {"name": "x,\ny"},
    ]
    wrong = run("batch", str(file), "--map", "titel=task_name")
    assert (wrong.code, "no column titel" in wrong.stderr) == (2, True)
    ragged = run("batch", "-", "--format", "csv", stdin="task_name,duration\na\n")
    assert (ragged.code, "line 2: it has 1 cells" in ragged.stderr) == (1, True)


def test_invalid_lines_are_named_and_nothing_of_their_chunk_is_submitted(
    run: CommandLine, queue: str, tmp_path: Path
) -> None:
    tasks = lines(queue, 1_003)
    tasks[1_001]["duration"] = 0
    file = a_file(tmp_path / "tasks.ndjson", tasks)

    done = run("batch", file)

    assert done.code == 1
    assert "line 1002: duration" in done.stderr
    assert len(names(run, queue)) == 1_000
    tasks[1_001]["duration"] = 1  # corrected in place
    assert run("batch", a_file(tmp_path / "tasks.ndjson", tasks)).code == 0
    assert len(names(run, queue)) == 1_003


def test_a_line_that_is_not_json_stops_the_run_before_its_chunk(
    run: CommandLine, queue: str
) -> None:
    done = run("batch", stdin=json.dumps(lines(queue, 1)[0]) + "\nnonsense\n")

    assert (done.code, "line 2: not JSON" in done.stderr) == (1, True)
    assert names(run, queue) == []


def test_rejects_are_written_to_a_file_and_the_others_submitted(
    run: CommandLine, queue: str, tmp_path: Path
) -> None:
    tasks = lines(queue, 4)
    tasks[1]["duration"] = tasks[2]["duration"] = 0
    file, rejects = a_file(tmp_path / "tasks.ndjson", tasks), tmp_path / "rejects.ndjson"
    Path(file).write_text(Path(file).read_text() + "nonsense\n")

    done = run("batch", file, "--rejects", str(rejects))

    assert (done.code, str(rejects) in done.stderr) == (1, True)
    assert names(run, queue) == ["n0", "n3"]
    written = rejects.read_text().splitlines()
    assert "nonsense" in written
    assert [json.loads(each) for each in written if each != "nonsense"] == tasks[1:3]
    assert run("batch", file, "--rejects", str(rejects)).code == 2  # it is not overwritten
    rejects.unlink()
    assert json.loads(run("batch", file, "--rejects", str(rejects), "--json").stdout) == {
        "submitted": 0,
        "replayed": 2,
        "rejected": 3,
    }


def test_an_overloaded_service_is_waited_for(receiver: Receiver, tmp_path: Path) -> None:
    busy = a_problem("overloaded", 503, "0")
    receiver.responses[:] = [*[busy] * 7, Response(202, {"tasks": [TASK]})]

    done = CommandLine(receiver.url, tmp_path)("batch", stdin='{"task_name": "a"}\n')

    assert done.code == 0
    assert len(receiver.requests) == 8
    assert len({each.headers["idempotency-key"] for each in receiver.requests}) == 1


@pytest.mark.parametrize("response", [a_problem("capacity", 503), Response(413, "proxy")])
def test_a_failure_says_that_a_repetition_is_safe(
    receiver: Receiver, tmp_path: Path, response: Response
) -> None:
    receiver.responses[:] = [response]

    done = CommandLine(receiver.url, tmp_path)("batch", stdin='{"task_name": "a"}\n')

    assert done.code == 1
    assert "nothing is submitted twice" in done.stderr
