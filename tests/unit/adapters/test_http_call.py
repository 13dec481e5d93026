"""Headers that the caller of an `http` task may give."""

import pytest

from adapters.handlers.http_call import HttpCall
from adapters.outbound_http import OutboundHttp
from adapters.signature import Signature
from adapters.system_clock import SystemClock
from domain.errors import InvalidPayload

RESERVED = [
    *("Idempotency-Key", "idempotency_key", "X-Task-Id", "X_Task_Id", "x-task_attempt", "X-TASK-ANYTHING"),
    *("webhook-id", "Webhook_Signature", "WEBHOOK_TIMESTAMP", "webhook-extra"),
    *("Content-Length", "Content_Length", "Transfer-Encoding", "transfer_encoding", "Connection", "Keep-Alive"),
    *("Host", "TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "Proxy_Connection", "Keep_Alive"),
]


@pytest.fixture
def call() -> HttpCall:
    return HttpCall(OutboundHttp(), Signature(None), SystemClock())


@pytest.mark.parametrize("name", RESERVED)
def test_a_header_of_the_service_or_of_the_connection_is_refused_in_any_spelling(call: HttpCall, name: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        call.check({"url": "https://example.com/", "headers": {name: "1"}})

    assert refusal.value.misfits == [(f"payload/headers/{name}", f"{name} is set by the service itself.")]


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Tasks", "X_Api_Key", "Content-Type", "traceparent", "Accept", "Hosts", "Tea"]
)
def test_any_other_header_may_be_given(call: HttpCall, name: str) -> None:
    call.check({"url": "https://example.com/", "headers": {name: "1"}})
