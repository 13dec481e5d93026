from application.ports.webhook_sender import WebhookSender
from domain.webhook import Webhook, WebhookResponse


class FakeWebhookSender(WebhookSender):
    """Remembers what was sent, and responds as the test says."""

    def __init__(self) -> None:
        self.sent: list[Webhook] = []
        self.unreachable: set[str] = set()
        """URLs without a receiver."""
        self.response = WebhookResponse(status=200)

    def refusal(self, url: str) -> str | None:
        return None if url.startswith("https:") else "Must begin with https://."

    def send(self, webhook: Webhook) -> WebhookResponse:
        if webhook.task.spec.callback_url in self.unreachable:
            return WebhookResponse(error="The fake has no receiver at this URL.")
        self.sent.append(webhook)
        return self.response
