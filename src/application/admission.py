"""What this installation takes, beyond what a specification itself must be."""

from application.ports.callback_sender import CallbackSender
from application.ports.task_handlers import TaskHandlers
from domain.errors import InvalidTaskSpec
from domain.task_spec import TaskSpec


class Admission:
    def __init__(self, handlers: TaskHandlers, sender: CallbackSender, *, may_call_back: bool = True) -> None:
        """`may_call_back` is False where callbacks would have to be signed and cannot be."""
        self._handlers = handlers
        self._may_call_back = may_call_back
        self._sender = sender

    def check(self, spec: TaskSpec) -> None:
        """Raises InvalidTaskSpec."""
        if spec.callback_url and not self._may_call_back:
            raise InvalidTaskSpec(
                "callback_url",
                "This service cannot sign callbacks: its operator has to set TASKS_CALLBACK_SECRET in production.",
            )
        if spec.callback_url and (refusal := self._sender.refusal(spec.callback_url)):
            raise InvalidTaskSpec("callback_url", refusal)
        self._handlers.check(spec)
