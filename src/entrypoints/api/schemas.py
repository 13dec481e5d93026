"""What requests and answers look like on the wire. The rules themselves are the domain's."""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate

from application.ports.task_repository import Window
from domain.retry_policy import ATTEMPTS, DELAY_SECONDS, FACTOR, JITTER, RetryPolicy
from domain.task import Task
from domain.task_spec import (
    DURATION_SECONDS,
    LABEL_KEY,
    LABEL_VALUE_LENGTH,
    MAX_LABELS,
    PRIORITIES,
    QUEUE,
    TASK_NAME_LENGTH,
    TIMEOUT_SECONDS,
    TaskPatch,
    TaskSpec,
    is_printable,
)

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
MAX_PAGE = 1_000_000_000
MAX_PAGE_SIZE = 100


class WholeNumber(fields.Integer):
    """A JSON number without a fraction: not 3.0, not true, not "3"."""

    def __init__(self, allowed: range, **options: Any) -> None:
        message = f"Must be a whole number from {allowed[0]} to {allowed[-1]}."
        limits = validate.Range(allowed[0], allowed[-1], error=message)
        super().__init__(strict=True, validate=limits, error_messages={"invalid": message}, **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value


class QueryNumber(WholeNumber):
    """The digits of a whole number in a query string."""

    def _validated(self, value: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
            raise self.make_error("invalid")
        return int(value)


class Text(fields.String):
    """A string without control characters and lone surrogates, so that it can be shown and stored anywhere."""

    def __init__(self, lengths: range, **options: Any) -> None:
        message = f"Must have {lengths[0]} to {lengths[-1]} characters."
        super().__init__(validate=[validate.Length(lengths[0], lengths[-1], error=message), _printable], **options)


class OriginalTime(fields.Field[datetime]):
    """The format of the original contract: 2025-01-13 06:53:09, in UTC."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value else None


class Instant(fields.Field[datetime]):
    """RFC 3339; answers are in UTC with milliseconds: 2025-01-13T06:53:09.123Z."""

    def __init__(self, **options: Any) -> None:
        message = "Must be an RFC 3339 time with its offset, such as 2025-01-13T06:53:09Z."
        super().__init__(error_messages={"invalid": message}, **options)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not RFC_3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


class QueueName(fields.String):
    def __init__(self, **options: Any) -> None:
        message = "Must be 1 to 63 of a-z, 0-9, hyphen and underscore, the first a letter or digit."
        super().__init__(validate=validate.Regexp(rf"{QUEUE}\Z", error=message), **options)


def _printable(text: str) -> None:
    if not is_printable(text):
        raise ValidationError("Must not contain control characters or lone surrogates.")


def _labels(*, patch: bool) -> fields.Dict:
    """In a patch, a null removes a label."""
    key_message = "Must be 1 to 63 of a-z, 0-9, dot, underscore and hyphen."
    return fields.Dict(
        keys=fields.String(validate=validate.Regexp(rf"{LABEL_KEY}\Z", error=key_message)),
        values=Text(LABEL_VALUE_LENGTH, allow_none=patch),
        validate=validate.Length(max=MAX_LABELS, error=f"At most {MAX_LABELS} labels are allowed."),
        allow_none=patch,
        metadata={"description": "For filtering."},
    )


class Decimal(fields.Float):
    """A JSON number: not true, not "3"."""

    def __init__(self, low: float, high: float, **options: Any) -> None:
        message = f"Must be a number from {low} to {high}."
        limits = validate.Range(low, high, error=message)
        super().__init__(validate=limits, error_messages={"invalid": message, "too_large": message}, **options)

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid")
        return super()._validated(value)


class RetryBody(Schema):
    """When a failed run is tried again."""

    max_attempts = WholeNumber(ATTEMPTS, metadata={"description": "How many runs may fail before the task does."})
    initial_delay = Decimal(*DELAY_SECONDS, metadata={"description": "Seconds after the first failure."})
    factor = Decimal(*FACTOR, metadata={"description": "Each further delay is this many times the one before."})
    max_delay = Decimal(*DELAY_SECONDS, metadata={"description": "Seconds, before jitter."})
    jitter = Decimal(*JITTER, metadata={"description": "The share by which a delay is longer or shorter at most."})


class TaskBody(Schema):
    """The body of a POST and a PUT."""

    task_name = Text(TASK_NAME_LENGTH, required=True, metadata={"description": "A label of your choice."})
    duration = WholeNumber(DURATION_SECONDS, required=True, metadata={"description": "Seconds of simulated work."})
    queue = QueueName()
    priority = WholeNumber(PRIORITIES, metadata={"description": "9 goes first."})
    run_at = Instant(metadata={"description": "Not before this time."})
    expires_at = Instant(metadata={"description": "Not at all when it has not started by this time."})
    timeout = WholeNumber(TIMEOUT_SECONDS, metadata={"description": "Seconds that one run may take."})
    retry = fields.Nested(RetryBody)
    labels = _labels(patch=False)

    @post_load
    def to_spec(self, members: dict[str, Any], **_: Any) -> TaskSpec:
        if "retry" in members:
            members["retry"] = RetryPolicy(**members["retry"])
        return TaskSpec(**members)


class RetryPatchBody(RetryBody):
    max_attempts = WholeNumber(ATTEMPTS, allow_none=True)
    initial_delay = Decimal(*DELAY_SECONDS, allow_none=True)
    factor = Decimal(*FACTOR, allow_none=True)
    max_delay = Decimal(*DELAY_SECONDS, allow_none=True)
    jitter = Decimal(*JITTER, allow_none=True)


class TaskPatchBody(Schema):
    """A JSON merge patch (RFC 7396): null gives a member its default again."""

    task_name = Text(TASK_NAME_LENGTH)
    duration = WholeNumber(DURATION_SECONDS)
    queue = QueueName(allow_none=True)
    priority = WholeNumber(PRIORITIES, allow_none=True)
    run_at = Instant(allow_none=True)
    expires_at = Instant(allow_none=True)
    timeout = WholeNumber(TIMEOUT_SECONDS, allow_none=True)
    retry = fields.Nested(RetryPatchBody, allow_none=True)
    labels = _labels(patch=True)

    @post_load
    def to_patch(self, members: dict[str, Any], **_: Any) -> TaskPatch:
        return TaskPatch(members)


class PageQuery(Schema):
    page = QueryNumber(range(1, MAX_PAGE + 1), load_default=1)
    page_size = QueryNumber(range(1, MAX_PAGE_SIZE + 1), load_default=10)

    @post_load
    def to_window(self, members: dict[str, Any], **_: Any) -> Window:
        return Window(limit=members["page_size"], offset=(members["page"] - 1) * members["page_size"])


class TaskErrorAnswer(Schema):
    code = fields.String()
    message = fields.String()


class ProgressAnswer(Schema):
    fraction = fields.Float()
    message = fields.String()


class TaskAnswer(Schema):
    """A task. What is not set is left out."""

    task_id = fields.UUID()
    task_name = fields.String(attribute="spec.task_name")
    type = fields.String(attribute="spec.type")
    duration = fields.Integer(attribute="spec.duration")
    status = fields.String()
    submitted_at = OriginalTime()
    run_at = Instant(attribute="spec.run_at")
    due_at = Instant(metadata={"description": "When a SCHEDULED task is queued."})
    expires_at = Instant(attribute="spec.expires_at")
    started_at = Instant()
    finished_at = Instant()
    result = fields.Raw()
    error = fields.Nested(TaskErrorAnswer)
    progress = fields.Nested(ProgressAnswer)
    attempt = fields.Integer()
    max_attempts = fields.Integer(attribute="spec.retry.max_attempts")
    cancel_requested = fields.Function(lambda task: task.cancel_requested or None)
    queue = fields.String(attribute="spec.queue")
    priority = fields.Integer(attribute="spec.priority")
    labels = fields.Function(lambda task: dict(task.spec.labels))
    timeout = fields.Integer(attribute="spec.run_seconds")
    retry = fields.Nested(RetryBody, attribute="spec.retry")
    version = fields.Integer()
    links = fields.Function(lambda task: {"self": f"/tasks/{task.task_id}"})

    @post_dump
    def leave_out_what_is_not_set(self, members: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in members.items() if value is not None}


class Pagination(Schema):
    current_page = fields.Integer()
    page_size = fields.Integer()
    total_pages = fields.Integer()
    total_tasks = fields.Integer()


class TaskListAnswer(Schema):
    pagination = fields.Nested(Pagination)
    tasks = fields.List(fields.Nested(TaskAnswer))


def location(task: Task) -> dict[str, str]:
    return {"Location": f"/tasks/{task.task_id}"}
