"""A WebhookSender that sends nothing."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from application.ports.webhook_sender import WebhookSender
from domain.webhook import Webhook, WebhookResponse


class FakeWebhookSender(WebhookSender):
    """Remembers the webhooks that it was given, and returns the response that the test sets."""

    def __init__(self) -> None:
        self.sent: list[Webhook] = []
        self.response = WebhookResponse(status=200)

    def refusal(self, url: str) -> str | None:
        parts = urlsplit(url)
        if _is_private(parts.hostname or ""):
            return "Must lead to a public address."
        return None if parts.scheme == "https" else "Must begin with https://."

    def send(self, webhook: Webhook) -> WebhookResponse:
        if refusal := self.refusal(str(webhook.task.spec.callback_url)):
            return WebhookResponse(error=refusal, refused=True)
        self.sent.append(webhook)
        return self.response


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
