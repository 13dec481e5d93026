"""`series` shows what the service counted over time."""

import json

import pytest
from command_line import CommandLine
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import wait_until

COUNTS = ("submitted", "completed", "failed", "cancelled", "expired", "retried")
MINUTES = ["2026-11-24T03:58:00Z", "2026-11-24T03:59:00Z"]


def values(**known: list[float | None]) -> dict[str, list[float | None]]:
    durations = {
        f"{name}_{share}": [None, None] for name in ("wait", "run") for share in ("p50", "p95")
    }
    return {**{name: [0, 0] for name in COUNTS}, "backlog": [None, None], **durations, **known}


SERIES = {
    "step_seconds": 60,
    "begins_at": MINUTES,
    "total": values(submitted=[3, 0], completed=[2, 1], wait_p50=[0.01, 1.5]),
    "series": [
        {"name": "default", **values(submitted=[1, 0], completed=[1, 0])},
        {"name": "media", **values(submitted=[2, 0], completed=[1, 1], backlog=[1, None])},
    ],
    "others": values(failed=[0, 4]),
}


@pytest.fixture
def told(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line of a service that responds with SERIES."""
    receiver.responses[:] = [Response(200, SERIES)]
    return CommandLine(receiver.url, tmp_path_factory.mktemp("home"))


def test_each_minute_of_all_tasks_is_a_row(told: CommandLine, receiver: Receiver) -> None:
    rows = told("series", "--span", "5m").rows

    assert [row[:3] for row in rows] == [
        ["2026-11-24T03:58:00.000Z", "3", "2"],
        ["2026-11-24T03:59:00.000Z", "0", "1"],
    ]
    assert rows[1][7:] == ["", "1.5", "", "", ""]
    assert receiver.requests[-1].path == "/stats/series?span=5m&by=queue"


def test_by_queue_shows_each_that_was_busy_and_the_others(told: CommandLine) -> None:
    rows = told("series", "--by", "queue").rows

    minutes = ["2026-11-24T03:58:00.000Z", "2026-11-24T03:59:00.000Z"]
    assert [row[:5] for row in rows] == [
        [minutes[0], "default", "1", "1", "0"],
        [minutes[0], "media", "2", "1", "0"],
        [minutes[1], "media", "0", "1", "0"],
        [minutes[1], "(others)", "0", "0", "4"],
    ]


def test_one_name_is_shown_as_json_lines(told: CommandLine, receiver: Receiver) -> None:
    done = told("series", "--by", "type", "--name", "media", "--jsonl")

    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["begins_at"], first["name"]) == (MINUTES[0], "media")
    assert (first["submitted"], first["backlog"], first["wait_p50"]) == (2, 1, None)
    assert second["begins_at"] == MINUTES[1]
    assert receiver.requests[-1].path.endswith("by=type")


def test_json_is_that_of_the_service(told: CommandLine) -> None:
    assert json.loads(told("series", "--by", "type", "--json").stdout) == SERIES


def test_a_terminal_shows_the_columns_that_have_numbers(told: CommandLine) -> None:
    shown = told.on_terminal("series", "--by", "queue", answer=lambda _: None).stdout

    assert "COMPLETED" in shown
    assert "FAILED" in shown
    assert "EXPIRED" not in shown
    assert "WAIT" not in shown


def test_a_name_of_which_nothing_is_known_is_named_on_stderr(told: CommandLine) -> None:
    done = told("series", "--name", "emial")

    assert (done.code, done.stdout) == (0, "")
    assert "the queue emial" in done.stderr


def test_what_a_real_service_counted_is_shown(run: CommandLine) -> None:
    task_id = run("submit", "greet", "-p", "name=Ada", "--wait").stderr.split()[1]
    assert run("get", task_id).code == 0

    def completed() -> int:
        return sum(int(row[3]) for row in run("series", "--by", "type", "--name", "greet").rows)

    assert wait_until(completed) == 1
    assert len(run("series", "--span", "14d").rows) == 336
