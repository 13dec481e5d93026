"""plain_spec reads what TaskBody reads, or nothing."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from domain.task_spec import TaskSpec
from entrypoints.api.schemas import task_requests
from entrypoints.api.schemas.plain_task import plain_spec
from entrypoints.api.schemas.task_requests import TaskBody
from entrypoints.api.use_cases import use_cases

texts = st.text(max_size=5) | st.sampled_from(
    ["test", "sleep", "http", "default", "a" * 200, "a" * 201, "a" * 300, " ", "", "a\n", "\ud800"]
)
numbers = st.integers(-1, 11) | st.sampled_from([3_600, 86_400, 86_401, 2**70])
odd = st.none() | st.booleans() | st.floats() | st.lists(st.integers(), max_size=2)
values = texts | numbers | odd
maps = st.dictionaries(texts, values, max_size=3)
NAMES = ("task_name", "type", "duration", "payload", "queue", "priority", "timeout", "labels")
plain_members: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("type", "queue"), texts),
    **dict.fromkeys(("duration", "priority", "timeout"), numbers),
    **dict.fromkeys(("payload", "labels"), maps),
}
others = st.sampled_from(["run_at", "retry", "callback_url", "expires_at", "unknown", "Type"])
bodies = st.fixed_dictionaries({"task_name": texts}, optional=plain_members) | st.dictionaries(
    st.sampled_from(NAMES) | others, values | maps, max_size=6
)


@pytest.fixture
def context(client: FlaskClient) -> Iterator[Flask]:
    with client.application.app_context():
        yield client.application


def by_marshmallow(body: Any) -> TaskSpec | None:
    with patch.object(task_requests, "plain_spec", lambda *_: None):
        try:
            spec: TaskSpec = TaskBody().load(body)
            return spec
        except ValidationError:
            return None


@settings(
    deadline=None,
    max_examples=500,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies | values)
@example(body={"task_name": "test", "duration": 1})
@example(body={"task_name": "test", "type": "http", "payload": {"url": "http://127.0.0.1/"}})
@example(body={"task_name": "test", "duration": 1, "labels": {"team": "a", "b": ""}})
@example(body={"task_name": "test"})
@example(body={"task_name": "test", "duration": True})
@example(body={"task_name": "test", "duration": 1.0})
@example(body={"task_name": "test", "duration": 1, "queue": "default\n"})
@example(body={"task_name": "test", "duration": 1, "labels": {"a\n": "b"}})
@example(body={"task_name": "test", "type": "http", "payload": {"x": float("nan")}})
def test_a_plain_body_means_the_same_as_to_marshmallow(body: Any, context: Flask) -> None:
    spec = plain_spec(body, use_cases().admission().default_retry)

    if spec is not None:
        assert spec == by_marshmallow(body)


@pytest.mark.parametrize(
    "body",
    [
        {"task_name": "test", "duration": 1},
        {"task_name": "test", "type": "http", "payload": {"url": "http://127.0.0.1/"}},
        {"task_name": "t", "type": "sleep", "duration": 86_400, "queue": "a-b", "priority": 9},
        {"task_name": "t", "duration": 1, "timeout": 5, "labels": {"team": "a"}, "payload": {}},
    ],
)
def test_usual_bodies_are_plain(body: dict[str, Any], context: Flask) -> None:
    assert (
        plain_spec(body, use_cases().admission().default_retry) == by_marshmallow(body) is not None
    )
