"""Encoding a task and decoding its record returns the same task."""

import json
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.redis.id_codec import id_bytes, id_text, require_id_bytes
from adapters.redis.task_codec import (
    MEMBERS,
    OMITTABLE,
    decode,
    encode,
    encode_changes,
    unpack_record,
)
from domain.task import Task
from domain.task_error import TaskError
from domain.task_spec import TaskSpec
from domain.task_state import Progress
from domain.trace_context import TraceContext
from tests.building import a_task
from tests.unit.adapters.any_tasks import specs, tasks


@given(tasks())
def test_any_task_is_decoded_as_it_was_encoded(task: Task) -> None:
    raw = id_bytes(task.task_id)
    assert raw is not None

    assert decode(raw, encode(task)) == task
    assert id_text(raw) == task.task_id


@given(tasks(), tasks())
def test_encoded_changes_turn_one_record_into_the_other(before: Task, after: Task) -> None:
    changed, gone = encode_changes(before, after)

    record = {
        name: value for name, value in {**encode(before), **changed}.items() if name not in gone
    }

    assert record == encode(after)
    assert encode_changes(before, before) == ({}, [])


@pytest.mark.parametrize(
    ("work", "seconds"), [(b'"d":3', 63), (b'"t":"http"', 3_600), (b'"d":3,"o":9', 9)]
)
def test_a_record_of_an_earlier_version_keeps_its_timeout_and_its_bytes(
    work: bytes, seconds: int
) -> None:
    spec = b'{"n":"test",%s}' % work
    record = encode(a_task()) | {b"d": spec}

    read = decode(b"0" * 16, record)

    assert read.spec.effective_timeout == seconds
    assert json.loads(encode(read)[b"d"]) == json.loads(spec)


@given(specs, st.integers(1, 86_400))
def test_the_default_timeout_of_the_type_comes_back(spec: TaskSpec, seconds: int) -> None:
    task = replace(a_task(), spec=spec.with_default_timeout(seconds))

    assert decode(b"0" * 16, encode(task)).spec.default_timeout == seconds


def test_none_zero_and_defaults_are_not_stored() -> None:
    assert encode(a_task()).keys() == {b"s", b"v", b"u", b"d"}


@pytest.mark.parametrize(
    "text",
    ["", "x", "018f0000-0000-4000-8000-000000000000", "018F0000-0000-7000-8000-000000000000"],
)
def test_any_other_text_is_no_task_id(text: str) -> None:
    assert id_bytes(text) is None


def test_a_text_that_is_too_long_for_an_id_is_not_held() -> None:
    text = "".join(["a", "b" * 100])
    before = sys.getrefcount(text)

    found = id_bytes(text)
    with pytest.raises(ValueError, match="not a task id"):
        require_id_bytes(text)

    assert (found, sys.getrefcount(text)) == (None, before)


@given(tasks())
def test_a_packed_record_is_unpacked(task: Task) -> None:
    record = encode(task)

    assert unpack_record(b"\0".join(part for pair in record.items() for part in pair)) == record


def test_no_value_of_a_record_contains_the_separator() -> None:
    spec = TaskSpec(task_name="a", type="http", payload={"\0": "\0"})
    now = datetime.now(UTC)
    run = replace(a_task(), spec=spec, progress=Progress(fraction=0, message="\0")).start(
        owner="a:1", fencing_token=1, now=now
    )

    ends = [run.complete("\0", now), run.fail(TaskError(code="handler_error", message="\0"), now)]

    assert not any(b"\0" in value for end in ends for value in encode(end).values())


@pytest.mark.parametrize("name", [b"s", b"v", b"u", b"d"])
def test_a_record_that_lacks_a_field_is_refused(name: bytes) -> None:
    record = encode(a_task())
    del record[name]

    with pytest.raises(ValueError, match="without"):
        decode(b"0" * 16, record)


def test_a_stored_task_that_todays_rules_would_refuse_is_decoded() -> None:
    task = a_task()
    record = encode(task) | {
        b"d": b'{"n":"%s","d":1,"l":{"k":"v"},"y":{"max_attempts":101}}' % (b"x" * 201)
    }

    read = decode(id_bytes(task.task_id), record)

    assert (len(read.spec.task_name), read.spec.labels) == (201, {"k": "v"})
    assert (read.spec.retry.max_attempts, read.spec.retry.factor) == (101, 2)
    with pytest.raises(TypeError):
        read.spec.labels["k"] = "w"


def test_only_a_task_with_a_trace_has_bytes_for_it() -> None:
    trace = TraceContext(f"00-{'a' * 32}-{'b' * 16}-01", "vendor=x y")
    plain = a_task()
    traced = replace(plain, trace=trace)

    assert b"t" not in encode(plain)
    assert encode(traced) == {**encode(plain), b"t": f"{trace.traceparent} vendor=x y".encode()}


@pytest.mark.parametrize("damaged", [b"", b"00-1-2-01", b"\xff\xfe", b" ", b"a b c"])
def test_a_damaged_trace_does_not_make_its_task_unreadable(damaged: bytes) -> None:
    task = a_task()

    assert decode(require_id_bytes(task.task_id), {**encode(task), b"t": damaged}) == task


def test_a_read_without_long_members_returns_every_other_member() -> None:
    """read.lua names the fields that it reads when it leaves out long ones."""
    script = (resources.files("adapters.redis") / "scripts" / "read.lua").read_text()
    [short] = re.findall(r"local SHORT = \{(.*?)\}", script, re.DOTALL)

    assert {name.encode() for name in re.findall("'(.)'", short)} == MEMBERS.keys() - OMITTABLE
