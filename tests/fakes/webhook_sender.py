"""A WebhookSender that sends nothing."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from application.ports.webhook_sender import WebhookMessage, WebhookSender
from domain.webhook import Webhook, WebhookResponse


class FakeWebhookSender(WebhookSender):
    """Remembers the messages that it was given, and returns the response that the test sets."""

    def __init__(self) -> None:
        self.sent: list[WebhookMessage] = []
        self.response = WebhookResponse(status=200)

    def refusal(self, url: str) -> str | None:
        parts = urlsplit(url)
        if _is_private(parts.hostname or ""):
            return "Must lead to a public address."
        return None if parts.scheme == "https" else "Must begin with https://."

    def write(self, webhook: Webhook) -> WebhookMessage:
        return WebhookMessage(
            message_id=webhook.message_id,
            url=str(webhook.task.spec.callback_url),
            body=repr(webhook).encode(),
            task_id=webhook.task.task_id,
            trace=webhook.task.trace,
        )

    def send(self, message: WebhookMessage) -> WebhookResponse:
        if refusal := self.refusal(message.url):
            return WebhookResponse(error=refusal, refused=True)
        self.sent.append(message)
        return self.response


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
