"""The headers that the caller of an `http` task may set."""

import pytest

from adapters.handlers.http_call import HttpCall
from adapters.http.outbound import OutboundHttp
from adapters.http.signature import Signature
from adapters.system.clock import SystemClock
from adapters.tracing.untraced import Untraced
from application.errors import HandlerFailed
from domain.errors import InvalidPayload
from tests.building import a_spec, a_task
from tests.fakes.run_context import FakeRunContext

RESERVED = [
    *(
        "Idempotency-Key",
        "idempotency_key",
        "X-Task-Id",
        "X_Task_Id",
        "x-task_attempt",
        "X-TASK-ANYTHING",
    ),
    *("webhook-id", "Webhook_Signature", "WEBHOOK_TIMESTAMP", "webhook-extra"),
    *(
        "Content-Length",
        "Content_Length",
        "Transfer-Encoding",
        "transfer_encoding",
        "Connection",
        "Keep-Alive",
    ),
    *(
        "Host",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "Proxy_Connection",
        "Keep_Alive",
    ),
]


@pytest.fixture
def call() -> HttpCall:
    return HttpCall(OutboundHttp(), Signature(None), SystemClock(), Untraced())


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_header_is_refused_in_any_spelling(call: HttpCall, name: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        call.validate(
            a_spec(type="http", payload={"url": "https://example.com/", "headers": {name: "1"}})
        )

    assert refusal.value.violations == [
        (f"payload/headers/{name}", f"{name} is set by the service itself.")
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-Tasks",
        "X_Api_Key",
        "Content-Type",
        "traceparent",
        "Accept",
        "Hosts",
        "Tea",
    ],
)
def test_any_other_header_is_accepted(call: HttpCall, name: str) -> None:
    call.validate(
        a_spec(type="http", payload={"url": "https://example.com/", "headers": {name: "1"}})
    )


def test_a_task_that_todays_rules_refuse_fails_at_once_and_sends_nothing(call: HttpCall) -> None:
    task = a_task(
        type="http", payload={"url": "https://example.com/", "headers": {"X_Task_Id": "1"}}
    )

    with pytest.raises(HandlerFailed, match="X_Task_Id is set by the service itself") as failure:
        call.run(task, FakeRunContext())

    assert not failure.value.retry
