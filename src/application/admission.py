"""What this installation takes, beyond what a specification itself must be."""

from application.ports.task_handlers import TaskHandlers
from application.ports.webhook_sender import WebhookSender
from domain.errors import InvalidTaskSpec, Violation
from domain.task_spec import TaskSpec


class Admission:
    def __init__(self, handlers: TaskHandlers, sender: WebhookSender, *, may_call_back: bool = True) -> None:
        """`may_call_back` is False where callbacks would have to be signed and cannot be."""
        self._handlers = handlers
        self._may_call_back = may_call_back
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
        if not self._may_call_back:
            return "This service cannot sign callbacks: its operator has to set TASKS_CALLBACK_SECRET in production."
        return self._sender.refusal(callback_url)
