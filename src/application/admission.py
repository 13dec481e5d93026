"""Decide whether this installation accepts a task: its type, its payload and its callback."""

from application.errors import UnknownTaskType
from application.ports.task_handlers import TaskHandlers
from application.ports.webhook_sender import WebhookSender
from domain.errors import InvalidTaskSpec, Violation
from domain.retry_policy import NO_RETRY, RetryPolicy
from domain.task_spec import TaskSpec


class Admission:
    """Checks what a specification cannot check itself, and fills in the defaults of its type."""

    def __init__(
        self, handlers: TaskHandlers, sender: WebhookSender, *, no_callbacks: str = ""
    ) -> None:
        """`no_callbacks` says why this installation sends no callbacks; empty if it does."""
        self._handlers = handlers
        self._no_callbacks = no_callbacks
        self._sender = sender

    def admit(self, spec: TaskSpec) -> TaskSpec:
        """Return the specification with the default timeout of its type.

        Raises InvalidTaskSpec with all problems.
        """
        violations: list[Violation] = []
        if spec.callback_url and (refusal := self._refusal(spec.callback_url)):
            violations.append(("callback_url", refusal))
        try:
            self._handlers.validate(spec)
        except InvalidTaskSpec as error:
            violations += error.violations
        if violations:
            raise InvalidTaskSpec(violations)
        return spec.with_default_timeout(self._handlers.of_type(spec.type).default_timeout(spec))

    def default_retry(self, type: str) -> RetryPolicy:
        """Return the default retry policy of a type. An unknown type has NO_RETRY."""
        try:
            return self._handlers.of_type(type).type.default_retry
        except UnknownTaskType:
            return NO_RETRY

    def _refusal(self, callback_url: str) -> str | None:
        return self._no_callbacks or self._sender.refusal(callback_url)
