"""What this installation takes, beyond what a specification itself must be."""

from application.ports.task_handlers import TaskHandlers
from application.ports.webhook_sender import WebhookSender
from domain.errors import InvalidTaskSpec, Violation
from domain.task_spec import TaskSpec


class Admission:
    def __init__(self, handlers: TaskHandlers, sender: WebhookSender, *, no_callbacks: str = "") -> None:
        """`no_callbacks` says why this installation sends none; empty when it does."""
        self._handlers = handlers
        self._no_callbacks = no_callbacks
        self._sender = sender

    def check(self, spec: TaskSpec) -> None:
        """Raises InvalidTaskSpec with everything that is wrong."""
        violations: list[Violation] = []
        if spec.callback_url and (refusal := self._refusal(spec.callback_url)):
            violations.append(("callback_url", refusal))
        try:
            self._handlers.check(spec)
        except InvalidTaskSpec as error:
            violations += error.violations
        if violations:
            raise InvalidTaskSpec(violations)

    def _refusal(self, callback_url: str) -> str | None:
        return self._no_callbacks or self._sender.refusal(callback_url)
