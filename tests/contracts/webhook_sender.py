"""The contract of WebhookSender, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable, Sequence

from application.ports.webhook_sender import WebhookSender
from domain.status import Status
from domain.webhook import Webhook
from tests.building import a_task


def a_webhook(url: str) -> Webhook:
    return Webhook(task=a_task(Status.FAILED, callback_url=url))


class WebhookSenderContract:
    """A receiver at `receiver_url` responds with 204; there is none at `dead_url`.

    `received` returns the message ids that the receiver got.
    """

    def test_only_urls_that_may_be_called_are_accepted(self, sender: WebhookSender) -> None:
        assert sender.refusal("https://example.com/") is None
        assert sender.refusal("http://93.184.215.14/")

    def test_the_receiver_gets_the_webhook_and_its_status_is_returned(
        self, sender: WebhookSender, receiver_url: str, received: Callable[[], Sequence[str]]
    ) -> None:
        webhook = a_webhook(receiver_url)

        response = sender.send(webhook)

        assert (response.status, response.error, response.refused) == (204, None, False)
        assert list(received()) == [webhook.message_id]

    def test_a_receiver_that_cannot_be_reached_is_an_error_in_the_response(
        self, sender: WebhookSender, dead_url: str
    ) -> None:
        response = sender.send(a_webhook(dead_url))

        assert (response.status, response.refused) == (None, False)
        assert response.error
