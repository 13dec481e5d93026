"""Send one webhook to one URL."""

from abc import ABC, abstractmethod

from domain.webhook import Webhook, WebhookResponse


class WebhookSender(ABC):
    @abstractmethod
    def refusal(self, url: str) -> str | None:
        """Return why a webhook to the URL must fail, None if it may succeed. Resolves no name."""

    @abstractmethod
    def send(self, webhook: Webhook) -> WebhookResponse:
        """Send the webhook once, in at most 15 seconds, not counting the resolution of the name.

        Raises nothing: the response says what went wrong.
        """
