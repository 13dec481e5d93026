import gc
import json
from dataclasses import replace
from weakref import ref

import pytest

from application.task_serializer import serialize_task
from domain.status import Status
from entrypoints.api.task_texts import MAX_TEXT_BYTES, TaskTexts
from tests.building import a_task

MEBIBYTE = 2**20


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("position", [None, 1, 123])
def test_the_text_is_that_of_the_serializer(status: Status, position: int | None) -> None:
    task = a_task(status, labels={"team": "é"}, callback_url="http://127.0.0.1/")
    texts = TaskTexts(MEBIBYTE)

    for _ in range(2):  # written, then kept
        text = texts.text(task, position)
        assert list(json.loads(text).items()) == list(serialize_task(task, position).items())


def test_a_position_changes_without_the_task() -> None:
    task, texts = a_task(), TaskTexts(MEBIBYTE)

    positions = [json.loads(texts.text(task, each)).get("queue_position") for each in (3, 1, None)]

    assert positions == [3, 1, None]


def test_another_version_of_a_task_has_its_own_text() -> None:
    task, texts = a_task(), TaskTexts(MEBIBYTE)
    texts.text(task)
    running = task.start(owner="a:1", fencing_token=1, now=task.submitted_at)

    assert json.loads(texts.text(running))["status"] == "PROCESSING"
    assert json.loads(texts.text(task))["status"] == "QUEUED"


def test_an_equal_task_that_is_another_object_is_written_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, texts = a_task(), TaskTexts(MEBIBYTE)
    written = count_writes(monkeypatch)

    for each in (task, task, replace(task), task):
        texts.text(each)

    assert written == [task.task_id] * 3


def test_the_texts_that_were_kept_first_are_written_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = a_task(), a_task(), a_task()
    texts = TaskTexts(2 * len(TaskTexts(0).text(first)))
    written = count_writes(monkeypatch)

    for each in (first, second, first, third, second, first):
        texts.text(each)

    assert written == [each.task_id for each in (first, second, third, first)]


@pytest.mark.parametrize(("max_bytes", "name"), [(0, "short"), (MEBIBYTE, "x")])
def test_nothing_is_kept_without_room_nor_of_a_long_text(
    monkeypatch: pytest.MonkeyPatch, max_bytes: int, name: str
) -> None:
    task = a_task(type="http", payload={"x": name * MAX_TEXT_BYTES})
    texts = TaskTexts(max_bytes)
    written = count_writes(monkeypatch)

    texts.text(task)
    texts.text(task)

    assert len(written) == 2


def test_a_text_does_not_keep_its_task_alive() -> None:
    texts, task = TaskTexts(MEBIBYTE), a_task(type="http", payload={"json": [[]] * 1_000})
    texts.text(task)
    alive = ref(task)

    del task
    gc.collect()

    assert alive() is None


def count_writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    written: list[str] = []

    def count(task):
        written.append(task.task_id)
        return serialize_task(task)

    monkeypatch.setattr("entrypoints.api.task_texts.serialize_task", count)
    return written
