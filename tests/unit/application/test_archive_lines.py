"""Lines of an archive: what is written is read again, and damage is named."""

import pytest

from application import archive_lines
from application.archive_lines import (
    DamagedLine,
    EndLine,
    PausedQueue,
    RequestLine,
    TaskLine,
    parse,
)
from application.ports.task_archive import ArchivedTask
from tests.building import a_task


def test_each_kind_of_line_is_read_as_it_was_written() -> None:
    task = a_task()
    archived = ArchivedTask(task=task, stored={"record": {"s": "QUEUED"}})

    lines = [
        archive_lines.queue_line("mail"),
        archive_lines.task_line(archived),
        archive_lines.request_line({"key": "00"}),
        archive_lines.end_line(3),
    ]

    assert [parse(line.encode()) for line in lines] == [
        PausedQueue("mail"),
        TaskLine(task.task_id, {"record": {"s": "QUEUED"}}),
        RequestLine({"key": "00"}),
        EndLine(3),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"kind": "task", "task_id"', "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "the kind None is unknown"),
        (b'{"kind": "tusk"}', "the kind 'tusk' is unknown"),
        (b'{"kind": "task", "stored": {}}', "task_id"),
        (b'{"kind": "task", "task_id": "a", "stored": []}', "no object"),
        (b'{"kind": "queue", "name": "A queue", "paused": true}', "unknown"),
        (b'{"kind": "end", "tasks": null}', "wrong"),
    ],
)
def test_a_damaged_line_is_refused_with_the_reason(line: bytes, reason: str) -> None:
    with pytest.raises(DamagedLine, match=reason):
        parse(line)


def test_a_line_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_lines, "MAX_LINE_BYTES", 2**20)

    with pytest.raises(DamagedLine, match="more than 1 MiB"):
        parse(b" " * (2**20 + 1))
