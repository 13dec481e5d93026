"""What requests and answers look like on the wire. The rules themselves are the domain's."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate

from application.use_cases.list_tasks import PageRequest
from domain.task import Task
from domain.task_spec import (
    DEFAULT_PRIORITY,
    DURATION_SECONDS,
    LABEL_KEY,
    LABEL_VALUE_LENGTH,
    MAX_LABELS,
    PRIORITIES,
    TASK_NAME_LENGTH,
    TaskPatch,
    TaskSpec,
    is_printable,
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
    """RFC 3339 in UTC with milliseconds: 2025-01-13T06:53:09.123Z."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None


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


class TaskBody(Schema):
    """The body of a POST and a PUT."""

    task_name = Text(TASK_NAME_LENGTH, required=True, metadata={"description": "A label of your choice."})
    duration = WholeNumber(DURATION_SECONDS, required=True, metadata={"description": "Seconds of simulated work."})
    priority = WholeNumber(PRIORITIES, load_default=DEFAULT_PRIORITY, metadata={"description": "9 goes first."})
    labels = _labels(patch=False)

    @post_load
    def to_spec(self, members: dict[str, Any], **_: Any) -> TaskSpec:
        return TaskSpec(**members)


class TaskPatchBody(Schema):
    """A JSON merge patch (RFC 7396): null gives a member its default again."""

    task_name = Text(TASK_NAME_LENGTH)
    duration = WholeNumber(DURATION_SECONDS)
    priority = WholeNumber(PRIORITIES, allow_none=True)
    labels = _labels(patch=True)

    @post_load
    def to_patch(self, members: dict[str, Any], **_: Any) -> TaskPatch:
        return TaskPatch(members)


class PageQuery(Schema):
    page = QueryNumber(range(1, MAX_PAGE + 1), load_default=1)
    page_size = QueryNumber(range(1, MAX_PAGE_SIZE + 1), load_default=10)

    @post_load
    def to_request(self, members: dict[str, Any], **_: Any) -> PageRequest:
        return PageRequest(**members)


class TaskErrorAnswer(Schema):
    code = fields.String()
    message = fields.String()


class TaskAnswer(Schema):
    """A task. What is not set is left out."""

    task_id = fields.UUID()
    task_name = fields.String(attribute="spec.task_name")
    type = fields.String(attribute="spec.type")
    duration = fields.Integer(attribute="spec.duration")
    status = fields.String()
    submitted_at = OriginalTime()
    started_at = Instant()
    finished_at = Instant()
    result = fields.Raw()
    error = fields.Nested(TaskErrorAnswer)
    attempt = fields.Integer()
    priority = fields.Integer(attribute="spec.priority")
    labels = fields.Function(lambda task: dict(task.spec.labels))
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
