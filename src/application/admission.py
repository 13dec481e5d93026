"""What this installation takes, beyond what a specification itself must be."""

from application.ports.task_handlers import TaskHandlers
from domain.errors import InvalidTaskSpec
from domain.task_spec import TaskSpec


class Admission:
    def __init__(self, handlers: TaskHandlers, *, callbacks: bool = True, plain_callbacks: bool = False) -> None:
        """`callbacks` is False where they would have to be signed and cannot be.
        `plain_callbacks`: there are networks of the operator's own, in which http: will do."""
        self._handlers = handlers
        self._callbacks = callbacks
        self._plain_callbacks = plain_callbacks

    def check(self, spec: TaskSpec) -> None:
        """Raises InvalidTaskSpec."""
        if spec.callback_url and not self._callbacks:
            raise InvalidTaskSpec(
                "callback_url",
                "This service cannot sign callbacks: its operator has to set TASKS_CALLBACK_SECRET in production.",
            )
        if spec.callback_url and not spec.callback_url.startswith("https:") and not self._plain_callbacks:
            raise InvalidTaskSpec(
                "callback_url",
                "Must begin with https://; http:// is for the networks that TASKS_HTTP_ALLOWED_NETWORKS opens.",
            )
        self._handlers.check(spec)
