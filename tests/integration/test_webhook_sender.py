"""The webhook sender keeps its contract with a real receiver."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from adapters.http.outbound import OutboundHttp
from adapters.http.signature import Signature
from adapters.http.webhook_sender import HttpWebhookSender
from adapters.system.clock import SystemClock
from tests.contracts.webhook_sender import WebhookSenderContract
from tests.integration.ports import free_port
from tests.integration.receiver import SECRET, Answer, Receiver


class TestHttpWebhookSender(WebhookSenderContract):
    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        with Receiver(Answer(status=204)) as receiver:
            yield receiver

    @pytest.fixture
    def sender(self) -> HttpWebhookSender:
        return HttpWebhookSender(OutboundHttp(["127.0.0.0/8"]), Signature(SECRET), SystemClock())

    @pytest.fixture
    def receiver_url(self, receiver: Receiver) -> str:
        return receiver.url

    @pytest.fixture
    def dead_url(self) -> str:
        return f"http://127.0.0.1:{free_port()}/"

    @pytest.fixture
    def received(self, receiver: Receiver) -> Callable[[], Sequence[str]]:
        return lambda: [request.headers["webhook-id"] for request in receiver.requests]
