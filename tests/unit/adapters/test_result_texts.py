"""A process that only passes results on makes no objects of long ones."""

import gc
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.redis.id_codec import require_id_bytes
from adapters.redis.result_texts import PASSING_DECODERS
from adapters.redis.task_codec import RESULT, decode, encode, encode_changes
from application.json_values import JsonText
from application.task_filter import TaskFilter
from application.task_serializer import serialize_task
from domain.task import Task
from domain.task_spec import TaskPatch
from entrypoints.api.json_text import to_json
from tests.building import a_task

ROWS = {"rows": [["größe", number, {"of": [1.5, None]}] for number in range(2_000)]}
TEXT = 'a "quoted" text, größe\n' * 400


def completed(result: Any) -> Task:
    task = a_task().start(owner="a:1", fencing_token=1, now=datetime(2026, 1, 1, tzinfo=UTC))
    return task.complete(result, datetime(2026, 1, 1, tzinfo=UTC))


def passed_on(task: Task) -> Task:
    return decode(require_id_bytes(task.task_id), encode(task), PASSING_DECODERS)


@pytest.mark.parametrize("result", [ROWS, TEXT, [], "short", None, 1.5, {"a": [1]}])
def test_the_response_is_the_same_as_that_of_a_decoded_result(result: Any) -> None:
    task = completed(result)

    assert to_json(serialize_task(passed_on(task))) == to_json(serialize_task(task))


def test_a_long_result_is_passed_on_without_an_object_of_it() -> None:
    raw, record = require_id_bytes((task := completed(ROWS)).task_id), encode(completed(ROWS))
    gc.collect()
    before = len(gc.get_objects())

    found = decode(raw, record, PASSING_DECODERS)
    text = to_json(serialize_task(found))

    assert len(gc.get_objects()) - before < 100
    assert json.loads(text)["result"] == task.result


def test_a_short_result_is_decoded() -> None:
    assert passed_on(completed({"a": 1})).result == {"a": 1}


@pytest.mark.parametrize("end", [b"[", b"]]", b"\xff", b"x"])
def test_a_long_result_that_is_no_json_is_damage(end: bytes) -> None:
    task = completed(ROWS)
    record = encode(task)

    with pytest.raises(ValueError, match=r"JSON|utf-8"):
        decode(
            require_id_bytes(task.task_id),
            {**record, RESULT: record[RESULT] + end},
            PASSING_DECODERS,
        )


@pytest.mark.parametrize(
    ("result", "wanted"), [(ROWS, '["GRÖSSE",7,{"OF":'), (TEXT, 'a "Quoted"'), (TEXT, "größe\n")]
)
def test_a_search_finds_the_same_in_a_result_that_is_passed_on(result: Any, wanted: str) -> None:
    for task in (completed(result), passed_on(completed(result))):
        assert TaskFilter(text=wanted).matches(task)
        assert not TaskFilter(text="not in it").matches(task)


def test_a_change_of_other_members_leaves_the_result_alone() -> None:
    task = passed_on(completed(ROWS))

    changed, gone = encode_changes(task, task.patch(TaskPatch({"task_name": "new"})))

    assert RESULT not in changed
    assert not gone


def test_a_text_in_a_response_with_a_lone_surrogate_is_written_as_well() -> None:
    assert json.loads(to_json({"a": "\ud800", "b": JsonText(b'{"c":[1]}')}))["b"] == {"c": [1]}


def test_a_result_that_was_passed_on_is_stored_as_it_was() -> None:
    task = completed(ROWS)

    assert encode(passed_on(task)) == encode(task)
