"""Schedules with both clients and the command line, on a real service."""

import json
import uuid

import pytest
from client_forms import AnyClient
from command_line import CommandLine
from tests.integration.waiting import wait_until

from task_manager_client.errors import InvalidRequest, ScheduleNotFound, VersionMismatch


@pytest.fixture
def name() -> str:
    return f"s{uuid.uuid4().hex}"


def test_a_schedule_is_declared_changed_and_deleted(
    client: AnyClient, name: str, queue: str
) -> None:
    task = {"task_name": "tick", "type": "sleep", "duration": 1, "queue": queue}
    made = client.put_schedule(name, cron="@hourly", timezone="Asia/Tokyo", task=task)
    again = client.put_schedule(name, cron="@hourly", timezone="Asia/Tokyo", task=task)

    assert again == made == client.schedule(name)
    assert (made.version, len(made.next_runs), made.last_run) == (1, 5, None)
    with pytest.raises(VersionMismatch):
        client.put_schedule(name, every=60, task=task, only_new=True)
    changed = client.update_schedule(name, cron=None, timezone=None, every=60, if_match=made.etag)
    assert (changed.cron, changed.every) == (None, 60)
    with pytest.raises(VersionMismatch):
        client.update_schedule(name, jitter=1, if_match=made.version)
    assert client.pause_schedule(name).next_runs == ()
    assert len(client.resume_schedule(name).next_runs) == 5
    assert name in [each.name for each in client.schedules()]
    run = client.run_schedule(name, idempotency_key=name)
    assert client.run_schedule(name, idempotency_key=name).task_id == run.task_id
    assert run.schedule
    assert (run.schedule.name, run.schedule.slot) == (name, None)
    client.delete_schedule(name)
    with pytest.raises(ScheduleNotFound):
        client.schedule(name)
    assert client.get(run.task_id).labels == {"schedule": name}


def test_a_preview_says_when_or_what_is_wrong(client: AnyClient) -> None:
    assert len(client.preview_schedule(cron="30 2 * * 1-5", timezone="Europe/Berlin")) == 10
    with pytest.raises(InvalidRequest) as refusal:
        client.preview_schedule(cron="61 * * * *")
    assert [error.pointer for error in refusal.value.errors] == ["/cron"]


def test_a_real_maintenance_makes_a_task_for_each_slot(
    client: AnyClient, name: str, queue: str
) -> None:
    task = {"task_name": "tick", "type": "sleep", "duration": 1, "queue": queue}
    client.put_schedule(name, every=1, overlap="queue", task=task)

    wait_until(lambda: client.schedule(name).made >= 3)

    client.delete_schedule(name)
    slots = [each.schedule.slot for each in client.list(labels={"schedule": name})]
    assert len(set(slots)) == len(slots) >= 3
    first, *_, last = sorted(slots)
    assert (last - first).total_seconds() == len(slots) - 1


def test_a_skipped_slot_is_an_event(client: AnyClient, name: str, queue: str) -> None:
    task = {"task_name": "tick", "type": "sleep", "duration": 1, "queue": queue}
    client.put_schedule(name, every=1, task=task)

    event = next(each for each in client.events(queue=queue) if each.name == "schedule.skipped")

    client.delete_schedule(name)
    assert event.task is None
    assert event.skip
    assert (event.skip.name, event.skip.reason, event.skip.slots) == (name, "overlap", 1)


def test_the_command_line_declares_shows_and_runs_schedules(
    run: CommandLine, name: str, queue: str
) -> None:
    body = {"every": 3600, "task": {"task_name": "tick", "duration": 1, "queue": queue}}
    put = run("schedules", "put", name, "-f", "-", stdin=json.dumps(body))
    assert (put.code, "next at" in put.stderr) == (0, True)
    assert run("schedules", "put", name, "-f", "-", "--only-new", stdin="{}").code == 1

    [row] = [row for row in run("schedules").rows if row[0] == name]
    assert row[1] == "every 3600 s"
    task_id = run("schedules", "run", name).stdout.strip()
    assert json.loads(run("get", "--json", task_id).stdout)["schedule"] == {"name": name}
    assert "paused" in run("schedules", "pause", name).stderr
    assert "next at" in run("schedules", "resume", name).stderr
    edited = run("schedules", "edit", name, "--set", "every:=60", "--set", "task.priority:=9")
    assert edited.code == 0
    shown = json.loads(run("schedules", "get", name).stdout)
    assert (shown["every"], shown["task"]["priority"]) == (60, 9)
    preview = run("schedules", "preview", "@daily", "--timezone", "Europe/Berlin")
    assert len(preview.stdout.split()) == 10
    wrong = run("schedules", "preview", "61 * * * *")
    assert (wrong.code, "Bad minute" in wrong.stderr) == (1, True)
    assert run("schedules", "delete", name).code == 0
    gone = run("schedules", "get", name)
    assert (gone.code, "task-manager schedules shows" in gone.stderr) == (3, True)
