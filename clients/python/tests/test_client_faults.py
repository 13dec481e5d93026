"""Both clients repeat what may be repeated, and say what went wrong otherwise."""

import json

import pytest
from client_forms import AnyClient
from test_client_values import TASK
from tests.integration.ports import free_port
from tests.integration.receiver import Receiver, Response

from task_manager_client import ServiceUnreachable, TaskManagerError, WaitTimedOut
from task_manager_client.errors import (
    Capacity,
    InternalError,
    Overloaded,
    RateLimited,
    StoreUnavailable,
)

PROBLEM = {"content-type": "application/problem+json"}
STREAM = {"content-type": "text/event-stream"}


def a_problem(code: str, status: int, retry_after: str | None = None) -> Response:
    body = {
        "type": f"/problems/{code}",
        "title": "It failed",
        "status": status,
        "detail": "It failed.",
        "instance": "/",
        "code": code,
        "request_id": "r",
    }
    more = {"retry-after": retry_after} if retry_after else {}
    return Response(status, body, {**PROBLEM, **more})


def a_stream(*events: tuple[str, str, dict[str, object]]) -> Response:
    text = "".join(f"id: {i}\nevent: {n}\ndata: {json.dumps(d)}\n\n" for i, n, d in events)
    return Response(200, ": open\n\n" + text.replace("id: \n", ""), STREAM)


def keys(receiver: Receiver) -> set[str]:
    return {request.headers["idempotency-key"] for request in receiver.requests}


def test_a_submit_is_repeated_with_the_same_key_and_request_id(
    impatient: AnyClient, receiver: Receiver
) -> None:
    receiver.responses[:] = [
        a_problem("store_unavailable", 503),
        Response(502, "<h1>proxy</h1>"),
        Response(202, TASK, {"idempotent-replayed": "true"}),
    ]

    assert impatient.submit("big").replayed

    assert len(receiver.requests) == 3
    assert len(keys(receiver)) == 1
    assert len({request.headers["x-request-id"] for request in receiver.requests}) == 1


def test_a_submit_that_fails_for_good_raises_the_last_error(
    impatient: AnyClient, receiver: Receiver
) -> None:
    receiver.responses[:] = [a_problem("overloaded", 503)]

    with pytest.raises(Overloaded, match="It failed"):
        impatient.submit("big")
    assert len(receiver.requests) == 3


@pytest.mark.parametrize(
    ("code", "error"), [("capacity", Capacity), ("internal_error", InternalError)]
)
def test_what_does_not_pass_by_itself_is_reported_at_once(
    impatient: AnyClient, receiver: Receiver, code: str, error: type[TaskManagerError]
) -> None:
    receiver.responses[:] = [a_problem(code, 503 if code == "capacity" else 500)]

    with pytest.raises(error):
        impatient.submit("big")
    assert len(receiver.requests) == 1


def test_a_cancel_is_not_repeated_when_it_may_have_been_applied(
    impatient: AnyClient, receiver: Receiver
) -> None:
    receiver.responses[:] = [a_problem("store_unavailable", 503), Response(200, TASK)]

    with pytest.raises(StoreUnavailable):
        impatient.cancel("1")
    assert len(receiver.requests) == 1


def test_a_cancel_is_repeated_when_the_service_did_nothing(
    impatient: AnyClient, receiver: Receiver
) -> None:
    receiver.responses[:] = [a_problem("task_busy", 409), Response(200, TASK, {"etag": '"3"'})]

    assert impatient.cancel("1").etag == '"3"'


def test_retry_after_is_waited_for(impatient: AnyClient, receiver: Receiver) -> None:
    receiver.responses[:] = [a_problem("limited", 429, "3600")]

    with pytest.raises(TaskManagerError) as raised:
        impatient.queues()

    assert getattr(raised.value, "retry_after", None) == 3600
    assert len(receiver.requests) == 1  # an hour is too long to wait in a call


def test_a_call_waits_for_the_limit_of_requests_even_if_it_changes_something(
    impatient: AnyClient, receiver: Receiver
) -> None:
    receiver.responses[:] = [
        a_problem("rate_limited", 429, "0"),
        a_problem("rate_limited", 429, "0"),
        Response(200, TASK, {"etag": '"3"'}),
    ]

    assert impatient.cancel("1").etag == '"3"'


def test_a_limit_that_lasts_is_raised_with_its_wait(
    impatient: AnyClient, receiver: Receiver
) -> None:
    receiver.responses[:] = [a_problem("rate_limited", 429, "76")]

    with pytest.raises(RateLimited) as raised:
        impatient.submit("big")

    assert raised.value.retry_after == 76
    assert len(receiver.requests) == 1


def test_a_service_that_is_away_is_named(form: str) -> None:
    from client_forms import FORMS

    from task_manager_client import NO_RETRIES

    url = f"http://127.0.0.1:{free_port()}"
    with (
        FORMS[form](url, retries=NO_RETRIES) as client,
        pytest.raises(ServiceUnreachable) as raised,
    ):
        client.queues()

    assert url in str(raised.value)
    assert not raised.value.sent


def test_a_wait_ends_at_its_deadline(impatient: AnyClient, receiver: Receiver) -> None:
    receiver.responses[:] = [Response(200, {**TASK, "status": "PROCESSING"})]

    with pytest.raises(WaitTimedOut, match=r"PROCESSING after 0\.05 s"):
        impatient.wait("1", timeout=0.05)


def test_a_stream_that_breaks_continues_after_the_last_event(
    impatient: AnyClient, receiver: Receiver
) -> None:
    running = {**TASK, "status": "PROCESSING"}
    receiver.responses[:] = [
        a_problem("too_many_streams", 503),
        a_stream(("1-0", "task.snapshot", running), ("2-0", "task.progress", running)),
        Response(502, "proxy"),
        a_stream(("3-0", "task.completed", TASK)),
    ]

    events = list(impatient.follow("1"))

    assert [event.name for event in events] == ["task.snapshot", "task.progress", "task.completed"]
    sent = [request.headers.get("last-event-id") for request in receiver.requests]
    assert sent == [None, None, "2-0", "2-0"]


def test_a_gap_is_told_and_the_stream_continues(impatient: AnyClient, receiver: Receiver) -> None:
    receiver.responses[:] = [
        a_stream(("5-0", "task.started", {**TASK, "status": "PROCESSING"}), ("", "stream.gap", {})),
        a_stream(("9-0", "task.snapshot", TASK)),
    ]

    events = list(impatient.follow("1", last_event_id="4-0"))

    assert [event.is_gap for event in events] == [False, True, False]
    assert [each.headers["last-event-id"] for each in receiver.requests] == ["4-0", "5-0"]


def test_a_gap_without_an_id_keeps_the_place(impatient: AnyClient, receiver: Receiver) -> None:
    receiver.responses[:] = [a_stream(("", "stream.gap", {})), a_stream(("9-0", "x", TASK))]

    assert [event.is_gap for event in impatient.follow("1", last_event_id="4-0")] == [True, False]
    assert [each.headers["last-event-id"] for each in receiver.requests] == ["4-0", "4-0"]


def test_a_stream_ends_when_nothing_can_follow(impatient: AnyClient, receiver: Receiver) -> None:
    receiver.responses[:] = [Response(204)]

    assert list(impatient.follow("1", last_event_id="4-0")) == []


@pytest.mark.parametrize(
    "response", [Response(200, "<p>hello</p>"), a_problem("task_not_found", 404)]
)
def test_a_stream_that_is_refused_raises_the_error(
    impatient: AnyClient, receiver: Receiver, response: Response
) -> None:
    receiver.responses[:] = [response]

    with pytest.raises(TaskManagerError, match=r"its type is|It failed"):
        list(impatient.follow("1"))
    assert len(receiver.requests) == 1
