"""Sends one message to one URL."""

from abc import ABC, abstractmethod

from domain.webhook import Webhook, WebhookResponse


class WebhookSender(ABC):
    @abstractmethod
    def refusal(self, url: str) -> str | None:
        """Why the URL could never be told, as far as it says so itself."""

    @abstractmethod
    def send(self, message: Webhook) -> WebhookResponse:
        """Takes 15 seconds at most, resolving the name not counted. Raises nothing: what went wrong is a reply."""
