"""The check that all indexes in Redis fit the states of the tasks."""

from typing import Any

from adapters.redis.entries import held_entry
from domain.status import Status
from domain.task import Task


def check_indexes(client: Any, tasks: dict[str, Task]) -> None:
    """Raises AssertionError unless each task is in the indexes of its state, and in no other."""
    by_hex = {task_id.replace("-", ""): task for task_id, task in tasks.items()}
    assert len(tasks) == client.zcard("tm:tasks") == len(client.keys("tm:task:*"))
    for status in Status:
        assert _members(client, f"tm:status:{status}") == _ids(by_hex, status)
    assert client.zcard("tm:type:sleep") == client.zcard("tm:queue:default") == len(tasks)
    for label in "ab":
        labelled = {raw for raw, task in by_hex.items() if task.spec.labels.get("label") == label}
        assert _members(client, f"tm:label:label={label}") == labelled
    discarded = {raw for raw, task in by_hex.items() if task.discarded and task.status.is_final}
    assert discarded <= _members(client, "tm:discarded")
    _check_waiting(client, by_hex)
    _check_running(client, by_hex)


def _check_waiting(client: Any, by_hex: dict[str, Task]) -> None:
    lanes = [_members(client, f"tm:waiting:{lane}") for lane in ("default", "default~io")]
    assert lanes[0] | lanes[1] == _ids(by_hex, Status.QUEUED)
    assert _members(client, "tm:scheduled") == _ids(by_hex, Status.SCHEDULED)
    scheduled = client.hget("tm:scheduled-by-queue", "default")
    assert int(scheduled or 0) == client.zcard("tm:scheduled")
    waiting = client.zcard("tm:waiting:default")
    assert client.llen("task-manager.work.default") >= min(waiting, 1)


def _check_running(client: Any, by_hex: dict[str, Task]) -> None:
    running = _ids(by_hex, Status.PROCESSING)
    assert _members(client, "tm:leases") == running
    entries = client.hgetall("tm:held").items()
    held = {owner.decode(): held_entry(entry)[0].hex() for owner, entry in entries}
    assert set(held.values()) == running
    assert len(held) == len(running)
    assert all(by_hex[raw].owner == owner for owner, raw in held.items())


def _members(client: Any, index: str) -> set[str]:
    return {member.hex() for member in client.zrange(index, 0, -1)}


def _ids(by_hex: dict[str, Task], status: Status) -> set[str]:
    return {raw for raw, task in by_hex.items() if task.status is status}
