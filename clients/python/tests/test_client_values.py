"""The client makes batches, delays, JSON and signatures without a service."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Signer

from task_manager_client import (
    BatchLimits,
    Client,
    InvalidWebhook,
    Retries,
    ServiceUnreachable,
    verify_webhook,
)
from task_manager_client.batches import chunks, count_elements
from task_manager_client.calls import Response, problem, retry_after, time_text, to_json
from task_manager_client.errors import Problem, TaskManagerError, TaskNotFound, UnexpectedResponse
from task_manager_client.models import Task
from task_manager_client.operations import get_task, list_tasks
from task_manager_client.reading import read, read_time

SECRET = "whsec_" + "A" * 40
TASK = {
    "task_id": "01a20bb4-9a7e-7242-9285-65a78dec96c7",
    "task_name": "big",
    "type": "greet",
    "payload": {"number": 2**53 + 1},
    "status": "COMPLETED",
    "submitted_at": "2026-11-24 03:58:35",
    "finished_at": "2026-11-24T03:58:36.140Z",
    "result": 10**300,
    "attempt": 1,
    "max_attempts": 1,
    "queue": "default",
    "priority": 5,
    "labels": {},
    "timeout": 3600,
    "retry": {
        "max_attempts": 1,
        "initial_delay": 1.0,
        "factor": 2.0,
        "max_delay": 300.0,
        "jitter": 0.1,
    },
    "version": 3,
    "links": {"self": "/tasks/1", "events": "/tasks/1/events"},
    "invented_later": True,
}


def a_problem(code: str, status: int, **headers: str) -> TaskManagerError:
    body = {
        "type": "",
        "title": "",
        "status": status,
        "detail": "It failed.",
        "instance": "/",
        "code": code,
        "request_id": "r",
    }
    headers = {"content-type": "application/problem+json", **headers}
    return problem(Response(status, headers, json.dumps(body).encode()))


def test_a_task_keeps_large_integers_and_members_of_later_versions() -> None:
    task = read(Task, json.loads(to_json(TASK)))

    assert task.payload == {"number": 2**53 + 1}
    assert task.result == 10**300
    assert task.raw["invented_later"] is True
    assert task.links.self_ == "/tasks/1"
    assert task.submitted_at == datetime(2026, 11, 24, 3, 58, 35, tzinfo=UTC)
    assert task.finished_at == task.submitted_at + timedelta(seconds=1, milliseconds=140)


@pytest.mark.parametrize("wrong", [[], {}, {**TASK, "labels": 3}, {**TASK, "submitted_at": "x"}])
def test_a_body_that_is_no_task_is_an_unexpected_response(wrong: object) -> None:
    with pytest.raises(UnexpectedResponse, match="Task"):
        get_task("1").result(Response(200, {}, to_json(wrong)))


def test_times_are_sent_in_utc_and_naive_ones_are_refused() -> None:
    zone = timezone(timedelta(hours=2))

    assert time_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone)) == "2026-01-02T01:04:05.000Z"
    assert read_time("2026-01-02T03:04:05+02:00") == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    with pytest.raises(ValueError, match="no time zone"):
        to_json({"run_at": datetime(2026, 1, 2)})


def test_what_is_not_json_is_refused_before_it_is_sent() -> None:
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            to_json(value)
    assert to_json({"a": "\ud800"}) == b'{"a":"\\ud800"}'


def test_an_id_cannot_name_another_path() -> None:
    assert get_task("../queues?x").target == "/tasks/..%2Fqueues%3Fx"


def test_a_filter_becomes_a_query() -> None:
    call = list_tasks({"status": "FAILED", "labels": {"team": "a&b"}, "q": "x y"}, full=True)

    assert call.target == "/tasks?status=FAILED&label=team%3Aa%26b&q=x+y&full=true"


def test_an_error_is_named_by_its_code_and_lists_every_problem() -> None:
    error = a_problem("task_not_found", 404)

    assert isinstance(error, TaskNotFound)
    assert error.request_id == "r"
    assert type(a_problem("invented_later", 409)) is Problem
    page = problem(Response(502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>"))
    assert isinstance(page, UnexpectedResponse)
    assert "502" in str(page)


def test_retry_after_is_a_number_or_a_date() -> None:
    dates = {
        "date": "Mon, 30 Nov 2026 10:00:00 GMT",
        "retry-after": "Mon, 30 Nov 2026 10:00:09 GMT",
    }

    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after(dates) == 9
    assert retry_after({}) is retry_after({"retry-after": "soon"}) is None


AWAY, BROKEN = (ServiceUnreachable("u", "r", sent=sent) for sent in (False, True))


@pytest.mark.parametrize(
    ("error", "repeatable", "harmless"),
    [
        (AWAY, True, True),
        (BROKEN, True, True),
        (AWAY, False, True),
        (BROKEN, False, False),
        (a_problem("store_unavailable", 503), True, True),
        (a_problem("store_unavailable", 503), False, False),
        (a_problem("overloaded", 503), False, True),
        (a_problem("task_busy", 409), False, True),
        (a_problem("limited", 429), False, True),
        (a_problem("capacity", 503), True, False),
        (a_problem("task_final", 409), True, False),
        (UnexpectedResponse(502, ""), True, True),
        (UnexpectedResponse(502, ""), False, False),
        (UnexpectedResponse(404, ""), True, False),
    ],
)
def test_a_call_is_repeated_only_if_that_helps_and_does_no_harm(
    error: TaskManagerError, repeatable: bool, harmless: bool
) -> None:
    delay = Retries().delay(error, 1, repeatable=repeatable, chance=0.5)

    assert (delay is not None) == harmless


def test_delays_grow_and_are_at_least_retry_after() -> None:
    retries = Retries(max_attempts=4, first_delay=1, max_delay=3, max_retry_after=5)

    def delays(error: TaskManagerError) -> list[float | None]:
        return [retries.delay(error, n, repeatable=True, chance=1) for n in (1, 2, 3, 4)]

    assert delays(AWAY) == [1, 2, 3, None]
    assert delays(a_problem("overloaded", 503, **{"retry-after": "5"})) == [6, 7, 8, None]
    assert delays(a_problem("overloaded", 503, **{"retry-after": "6"})) == [None] * 4


def test_batches_stay_within_every_limit() -> None:
    limits = BatchLimits(tasks=3, bytes=200, elements=20, labels=2)
    tasks = [{"task_name": "n"}] * 7 + [{"task_name": "x" * 150}, {"task_name": "y" * 150}]
    tasks += [{"task_name": "n", "payload": {"list": [0] * 15}}] * 2
    tasks += [{"task_name": "n", "labels": {"number": str(number)}} for number in range(3)]

    made = list(chunks(tasks, limits))

    assert [task for chunk in made for task in json.loads(chunk.body)] == tasks
    assert [chunk.count for chunk in made] == [3, 3, 2, 1, 1, 1, 2, 1]
    assert [chunk.position for chunk in made] == [0, 3, 6, 8, 9, 10, 11, 13]
    assert list(chunks([])) == []


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_elements_are_never_counted_too_low(value: object) -> None:
    def exact(value: object) -> int:
        inner = (
            value
            if isinstance(value, list)
            else list(value.values())
            if isinstance(value, dict)
            else None
        )
        if inner is None:
            return 0
        return max(1, len(inner)) + sum(map(exact, inner))

    assert count_elements(to_json(value)) >= exact(value)


@pytest.mark.parametrize("url", ["127.0.0.1:5000", "ftp://host", "", "http://"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        Client(url)


def signed(body: bytes, message_id: str = "msg_1_2", age: float = 0) -> dict[str, str]:
    at = datetime.fromtimestamp(time.time() - age, UTC)
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": "v1,AAAA " + Signer(SECRET).sign(message_id, at, body.decode()),
    }


CALLBACK = to_json(
    {"type": "task.completed", "timestamp": "2026-11-24T03:58:36.140Z", "data": TASK}
)


def test_a_signed_callback_is_read() -> None:
    webhook = verify_webhook(CALLBACK, signed(CALLBACK), SECRET)

    assert (webhook.id, webhook.type) == ("msg_1_2", "task.completed")
    assert webhook.task.result == 10**300
    assert webhook.timestamp == webhook.task.finished_at


@pytest.mark.parametrize(
    ("body", "signature", "changes", "secret"),
    [
        (CALLBACK + b" ", {}, {}, SECRET),
        (CALLBACK, {}, {}, "whsec_" + "B" * 40),
        (CALLBACK, {"age": 400}, {}, SECRET),
        (CALLBACK, {"age": -400}, {}, SECRET),
        (CALLBACK, {"message_id": "http_1_2"}, {}, SECRET),
        (CALLBACK, {}, {"Webhook-Id": "msg_2"}, SECRET),
        (CALLBACK, {}, {"Webhook-Timestamp": "x"}, SECRET),
        (CALLBACK, {}, {"Webhook-Signature": ""}, SECRET),
        (b"[]", {"body": b"[]"}, {}, SECRET),
        (b'{"type": "x"}', {"body": b'{"type": "x"}'}, {}, SECRET),
    ],
)
def test_every_other_webhook_is_refused(
    body: bytes, signature: dict[str, Any], changes: dict[str, str], secret: str
) -> None:
    headers = {**signed(**{"body": CALLBACK, **signature}), **changes}

    with pytest.raises(InvalidWebhook):
        verify_webhook(body, headers, secret)


def test_a_secret_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify_webhook(CALLBACK, signed(CALLBACK), "secret")
