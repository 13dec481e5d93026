"""Schemas of bodies that carry a task. The rules for its members are the domain's."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validates_schema

from domain.errors import InvalidTaskSpec, Violation
from domain.retry_policy import ATTEMPTS, DELAY_SECONDS, FACTOR, JITTER
from domain.task_spec import (
    DEFAULT_TYPE,
    DURATION_SECONDS,
    PRIORITIES,
    TASK_NAME_LENGTH,
    TIMEOUT_SECONDS,
    TaskPatch,
    TaskSpec,
)
from entrypoints.api.concurrency.cooperation import let_others_run
from entrypoints.api.problems.violations import InnerMessage
from entrypoints.api.schemas.fields import (
    TYPE_LENGTH,
    Decimal,
    Instant,
    Name,
    QueueName,
    WebUrl,
    WholeNumber,
    labels_field,
    payload_field,
)
from entrypoints.api.schemas.plain_task import plain_spec
from entrypoints.api.schemas.strict_schema import (
    StrictSchema,
    Variant,
    described,
    messages_by_member,
)
from entrypoints.api.use_cases import use_cases


class RetryBody(StrictSchema):
    """The retry policy of a task. Members that are left out have their defaults."""

    max_attempts = WholeNumber(
        ATTEMPTS,
        metadata={"description": "Number of runs that may fail before the task fails."},
    )
    initial_delay = Decimal(
        *DELAY_SECONDS, metadata={"description": "Seconds until the first retry."}
    )
    factor = Decimal(
        *FACTOR,
        metadata={"description": "Factor by which the delay grows after each further failure."},
    )
    max_delay = Decimal(
        *DELAY_SECONDS,
        metadata={"description": "Limit on the delay in seconds, before jitter."},
    )
    jitter = Decimal(
        *JITTER,
        metadata={"description": "Largest share by which a delay is made longer or shorter."},
    )


class TaskBody(StrictSchema):
    """Body of a submit or replacement: either a sleep task or a task with a payload."""

    VARIANTS: ClassVar = (
        Variant(
            name="SleepTaskBody",
            description="A task of the type sleep, which requires a duration and takes no payload.",
            required=("duration",),
            narrower={"type": {"const": DEFAULT_TYPE}, "payload": {"maxProperties": 0}},
        ),
        Variant(
            name="PayloadTaskBody",
            description="A task of any other type, whose arguments are its payload.",
            required=("type",),
            without=("duration",),
            narrower={"type": {"not": {"const": DEFAULT_TYPE}}},
        ),
    )

    task_name = Name(
        TASK_NAME_LENGTH, required=True, metadata={"description": "A label of your choice."}
    )
    type = Name(
        TYPE_LENGTH,
        metadata={
            "description": "The type of task; GET /types lists the types. The default is sleep."
        },
    )
    duration = WholeNumber(
        DURATION_SECONDS,
        metadata={
            "description": (
                "Seconds of simulated work. Required for the type sleep, and only for it."
            )
        },
    )
    payload = payload_field()
    queue = QueueName(metadata={"description": "The queue of the task; `default` unless given."})
    priority = WholeNumber(
        PRIORITIES, metadata={"description": "0 to 9; 9 is started first. The default is 5."}
    )
    run_at = Instant(metadata={"description": "The task does not start before this time."})
    expires_at = Instant(
        metadata={"description": "The task expires if it has not started by this time."}
    )
    timeout = WholeNumber(
        TIMEOUT_SECONDS, metadata={"description": "Limit on the seconds of one run."}
    )
    retry = fields.Nested(RetryBody, metadata={"description": "When a failed run is tried again."})
    labels = labels_field(patch=False)
    callback_url = WebUrl(
        metadata={"description": "https: URL that receives a webhook when the task is final."}
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def require_duration_of_sleep(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        """Report a missing duration beside all other problems. The rule is that of the handler."""
        if not isinstance(given, dict) or "duration" in given:
            return
        if given.get("type", DEFAULT_TYPE) == DEFAULT_TYPE:
            origin = "" if "type" in given else " (the default)"
            raise ValidationError(f"Required, because the type is sleep{origin}.", "duration")

    def load(self, data: Any, **options: Any) -> Any:
        """Return a TaskSpec. Raises ValidationError with everything that is wrong."""
        spec = plain_spec(data, use_cases().admission().default_retry)
        if spec is not None:
            return spec
        try:
            members = super().load(data, **options)
        except ValidationError as error:
            messages = messages_by_member(error)
            raise ValidationError(_with_violations(error.valid_data, messages)) from None
        try:
            return TaskSpec(**_with_retry(members))
        except InvalidTaskSpec:
            raise ValidationError(_with_violations(members, {})) from None

    def violations(self, loaded: TaskSpec) -> dict[Any, Any]:
        """Return the messages of the rules of the task's type and of this installation."""
        try:
            use_cases().admission().admit(loaded)
        except InvalidTaskSpec as error:
            return by_member(error.violations)
        return {}


def _with_violations(valid_data: Any, messages: dict[Any, Any]) -> dict[Any, Any]:
    """Return the messages together with those of rules that the other members break."""
    if "_schema" in messages:
        return messages
    members = {name: value for name, value in valid_data.items() if name not in messages}
    let_others_run()
    violations = use_cases().find_violations().execute(_with_retry(members), messages)
    return {**messages, **by_member(violations)}


def by_member(violations: Iterable[Violation]) -> dict[Any, Any]:
    """Return messages by member. Each has the place within its member."""
    messages: dict[Any, list[str]] = {}
    for pointer, message in violations:
        member, _, inner = pointer.partition("/")
        placed = InnerMessage(message, f"/{inner}" if inner else "")
        messages.setdefault(member, []).append(placed)
    return messages


def _with_retry(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members with a whole retry policy: the rest of it has the defaults of the type."""
    default = use_cases().admission().default_retry(members.get("type", DEFAULT_TYPE))
    return {**members, "retry": replace(default, **members.get("retry", {}))}


class RetryPatchBody(RetryBody):
    """Changes of the retry policy. null gives a member its default."""

    max_attempts = WholeNumber(
        ATTEMPTS, allow_none=True, metadata=described(RetryBody, "max_attempts")
    )
    initial_delay = Decimal(
        *DELAY_SECONDS, allow_none=True, metadata=described(RetryBody, "initial_delay")
    )
    factor = Decimal(*FACTOR, allow_none=True, metadata=described(RetryBody, "factor"))
    max_delay = Decimal(*DELAY_SECONDS, allow_none=True, metadata=described(RetryBody, "max_delay"))
    jitter = Decimal(*JITTER, allow_none=True, metadata=described(RetryBody, "jitter"))


class TaskPatchBody(StrictSchema):
    """A JSON merge patch (RFC 7396). null gives a member its default again."""

    task_name = Name(TASK_NAME_LENGTH, metadata=described(TaskBody, "task_name"))
    duration = WholeNumber(DURATION_SECONDS, metadata=described(TaskBody, "duration"))
    payload = payload_field(allow_none=True)
    queue = QueueName(allow_none=True, metadata=described(TaskBody, "queue"))
    priority = WholeNumber(PRIORITIES, allow_none=True, metadata=described(TaskBody, "priority"))
    run_at = Instant(allow_none=True, metadata=described(TaskBody, "run_at"))
    expires_at = Instant(allow_none=True, metadata=described(TaskBody, "expires_at"))
    timeout = WholeNumber(TIMEOUT_SECONDS, allow_none=True, metadata=described(TaskBody, "timeout"))
    retry = fields.Nested(RetryPatchBody, allow_none=True, metadata=described(TaskBody, "retry"))
    labels = labels_field(patch=True)
    callback_url = WebUrl(allow_none=True, metadata=described(TaskBody, "callback_url"))

    @post_load
    def to_patch(self, members: dict[str, Any], **_: Any) -> TaskPatch:
        return TaskPatch(members)
