"""Send one webhook to one URL."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from domain.trace_context import TraceContext
from domain.webhook import Webhook, WebhookResponse


@dataclass(frozen=True, kw_only=True)
class WebhookMessage:
    """A webhook as it is sent. It takes a fraction of the memory of the task that it is about."""

    message_id: str
    url: str
    body: bytes
    task_id: str
    trace: TraceContext | None = None
    """The trace of the task, which the message belongs to."""


class WebhookSender(ABC):
    @abstractmethod
    def refusal(self, url: str) -> str | None:
        """Return why a webhook to the URL must fail, None if it may succeed. Resolves no name."""

    @abstractmethod
    def write(self, webhook: Webhook) -> WebhookMessage:
        """Write the message of the webhook, whose task must be whole."""

    @abstractmethod
    def send(self, message: WebhookMessage) -> WebhookResponse:
        """Send the message once, in at most 15 seconds, not counting the resolution of the name.

        Raises nothing: the response says what went wrong.
        """
