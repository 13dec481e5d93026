"""Send one webhook to the callback URL of its task."""

from abc import ABC, abstractmethod

from domain.webhook import Webhook, WebhookResponse


class WebhookSender(ABC):
    @abstractmethod
    def refusal(self, url: str) -> str | None:
        """Return why no webhook could ever be sent to this URL; None when nothing in it forbids that."""

    @abstractmethod
    def send(self, webhook: Webhook) -> WebhookResponse:
        """Make one attempt of at most 15 seconds, plus the time to resolve the host name.

        Raises nothing: a failure is a response with an error.
        """
