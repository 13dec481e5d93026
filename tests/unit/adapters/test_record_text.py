"""The JSON of a record is that of the task in it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.redis.id_codec import require_id_bytes
from adapters.redis.record_text import record_text
from adapters.redis.task_codec import OMITTED, PAYLOAD, RESULT, Record, decode, encode
from application.task_serializer import serialize_task
from domain.status import Status
from domain.task import Task
from tests.building import a_task
from tests.unit.adapters.any_tasks import tasks

RAW = require_id_bytes(a_task().task_id)


def written(record: Record, position: int | None = None) -> list[tuple[str, Any]]:
    """Return the members in their order."""
    return list(json.loads(record_text(RAW, record).placed(position)).items())


def of_the_task(record: Record, position: int | None = None) -> list[tuple[str, Any]]:
    return list(serialize_task(decode(RAW, record), position).items())


@given(tasks(), st.none() | st.integers(1, 10**6))
def test_it_has_the_members_of_any_task(task: Task, position: int | None) -> None:
    record = encode(task)

    assert written(record, position) == of_the_task(record, position)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(
    "members",
    [
        {"labels": {"team": "é"}, "callback_url": "http://127.0.0.1/", "priority": 9},
        {"type": "http", "payload": {"url": "http://127.0.0.1/", "n": [1.5, None, "\u2028"]}},
        {"type": "http", "timeout": 5},
    ],
    ids=str,
)
def test_it_has_the_members_of_every_status(status: Status, members: dict[str, Any]) -> None:
    record = encode(a_task(status, **members))

    assert written(record) == of_the_task(record)


@pytest.mark.parametrize("omitted", [b"", b"i", b"r", b"ir"])
def test_it_names_what_was_omitted(omitted: bytes) -> None:
    record = encode(a_task(Status.COMPLETED, type="http", payload={"a": 1}))
    for name in (PAYLOAD, RESULT):
        if name in omitted:
            del record[name]

    assert written(record | {OMITTED: omitted}) == of_the_task(record | {OMITTED: omitted})


def test_a_record_of_an_earlier_version_has_its_defaults() -> None:
    for spec in (b'{"n":"old","d":3}', b'{"n":"old","t":"http","y":{"max_attempts":3}}'):
        record = encode(a_task()) | {b"d": spec}

        assert written(record) == of_the_task(record)


@pytest.mark.parametrize(
    "damage",
    [
        {b"s": b"NOTHING"},
        {b"d": b"{}"},
        {b"d": b"not JSON"},
        {b"r": b"[1,"},
        {b"r": b'"\xff"'},
        {b"u": b"soon"},
        {b"u": b"9" * 30},
        {b"e": b"[]"},
    ],
    ids=str,
)
def test_a_damaged_record_has_none(damage: Record) -> None:
    with pytest.raises((KeyError, ValueError, OverflowError, msgspec.DecodeError)):
        record_text(RAW, encode(a_task(Status.FAILED)) | damage)
