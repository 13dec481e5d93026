"""The sender of webhooks keeps the contract of its port, with a real receiver."""

from collections.abc import Iterator, Sequence

import pytest
from standardwebhooks import Webhook

from adapters.http.outbound import OutboundHttp
from adapters.http.signature import Signature
from adapters.http.webhook_sender import HttpWebhookSender
from adapters.system.clock import SystemClock
from adapters.tracing.untraced import Untraced
from tests.contracts.webhook_sender import WebhookReceiver, WebhookSenderContract, a_webhook, send
from tests.integration.receiver import SECRET, Receiver, Response


class HttpWebhookReceiver(WebhookReceiver):
    def __init__(self) -> None:
        self.server = Receiver()
        self.url = self.server.url
        self._is_open = True

    @property
    def message_ids(self) -> Sequence[str]:
        return [request.headers["webhook-id"] for request in self.server.requests]

    def respond(self, status: int, *, retry_after: int = 0) -> None:
        headers = {"Retry-After": str(retry_after)}
        self.server.responses = [Response(status, headers=headers)]

    def open(self) -> None:
        self.server.__enter__()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self.server.__exit__()


class TestHttpWebhookSender(WebhookSenderContract):
    @pytest.fixture
    def sender(self) -> HttpWebhookSender:
        return HttpWebhookSender(
            OutboundHttp(["127.0.0.1/32"]), Signature(SECRET), SystemClock(), Untraced()
        )

    @pytest.fixture
    def webhook_receiver(self) -> Iterator[HttpWebhookReceiver]:
        receiver = HttpWebhookReceiver()
        receiver.open()
        yield receiver
        receiver.close()

    def test_the_receiver_can_verify_the_signature(
        self, sender: HttpWebhookSender, webhook_receiver: HttpWebhookReceiver
    ) -> None:
        send(sender, a_webhook(webhook_receiver.url))

        [request] = webhook_receiver.server.requests
        assert Webhook(SECRET).verify(request.body, request.headers) == request.json
