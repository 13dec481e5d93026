"""What requests carry in their bodies. The rules themselves are the domain's."""

from dataclasses import replace
from itertools import islice
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validates_schema

from application.task_filter import TaskFilter
from application.use_cases.act_on_tasks import MOST, Action
from domain.retry_policy import ATTEMPTS, DELAY_SECONDS, FACTOR, JITTER
from domain.status import Status
from domain.task_spec import (
    DURATION_SECONDS,
    PRIORITIES,
    SLEEP,
    TASK_NAME_LENGTH,
    TIMEOUT_SECONDS,
    TaskPatch,
    TaskSpec,
    default_retry,
)
from entrypoints.api.fields import (
    BoundedList,
    Decimal,
    Flag,
    Instant,
    Name,
    OneOf,
    QueueName,
    Text,
    WebUrl,
    WholeNumber,
    not_blank,
)
from entrypoints.api.fields import labels as labels_field
from entrypoints.api.fields import payload as payload_field
from entrypoints.api.problems import MAX_ERRORS, Omitted

TYPE_LENGTH = range(1, 201)
MOST_IN_A_BATCH = 1_000


class StrictSchema(Schema):
    class Meta:
        unknown = RAISE

    @pre_load
    def has_few_unknown_members(self, data: Any, **_: Any) -> Any:
        """Name the first MAX_ERRORS unknown members and count the others, since each error costs microseconds."""
        unknown = data.keys() - self.load_fields.keys() if isinstance(data, dict) else ()
        if len(unknown) > MAX_ERRORS:
            errors: dict[str, list[Any]] = {name: ["Unknown field."] for name in islice(unknown, MAX_ERRORS)}
            raise ValidationError({**errors, "_schema": [Omitted(len(unknown) - MAX_ERRORS)]})
        return data


class RetryBody(StrictSchema):
    """When a failed run is tried again."""

    max_attempts = WholeNumber(ATTEMPTS, metadata={"description": "How many runs may fail before the task does."})
    initial_delay = Decimal(*DELAY_SECONDS, metadata={"description": "Seconds after the first failure."})
    factor = Decimal(*FACTOR, metadata={"description": "Each further delay is this many times the one before."})
    max_delay = Decimal(*DELAY_SECONDS, metadata={"description": "Seconds, before jitter."})
    jitter = Decimal(*JITTER, metadata={"description": "The share by which a delay is longer or shorter at most."})


class TaskBody(StrictSchema):
    """The body of a POST and a PUT."""

    task_name = Name(TASK_NAME_LENGTH, required=True, metadata={"description": "A label of your choice."})
    type = Name(TYPE_LENGTH, metadata={"description": "What kind of work; GET /types lists them.", "default": "sleep"})
    duration = WholeNumber(
        DURATION_SECONDS, metadata={"description": "Seconds of simulated work; for the type sleep, which needs it."}
    )
    payload = payload_field()
    queue = QueueName()
    priority = WholeNumber(PRIORITIES, metadata={"description": "9 goes first."})
    run_at = Instant(metadata={"description": "Not before this time."})
    expires_at = Instant(metadata={"description": "Not at all when it has not started by this time."})
    timeout = WholeNumber(TIMEOUT_SECONDS, metadata={"description": "Seconds that one run may take."})
    retry = fields.Nested(RetryBody)
    labels = labels_field(patch=False)
    callback_url = WebUrl(metadata={"description": "https: URL that is told when the task is final."})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def duration_is_for_sleep(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        """Said here so that it stands beside everything else that is wrong; the rule is TaskSpec's."""
        if isinstance(given, dict) and given.get("type", SLEEP) == SLEEP and "duration" not in given:
            meant = "the type sleep needs it" if "type" in given else "without a type it is sleep, which needs it"
            raise ValidationError(f"Missing data for required field: {meant}.", "duration")

    @post_load
    def to_spec(self, members: dict[str, Any], **_: Any) -> TaskSpec:
        members["retry"] = replace(default_retry(members.get("type", SLEEP)), **members.get("retry", {}))
        return TaskSpec(**members)


class RetryPatchBody(RetryBody):
    max_attempts = WholeNumber(ATTEMPTS, allow_none=True)
    initial_delay = Decimal(*DELAY_SECONDS, allow_none=True)
    factor = Decimal(*FACTOR, allow_none=True)
    max_delay = Decimal(*DELAY_SECONDS, allow_none=True)
    jitter = Decimal(*JITTER, allow_none=True)


class TaskPatchBody(StrictSchema):
    """A JSON merge patch (RFC 7396): null gives a member its default again."""

    task_name = Name(TASK_NAME_LENGTH)
    duration = WholeNumber(DURATION_SECONDS)
    payload = payload_field(allow_none=True)
    queue = QueueName(allow_none=True)
    priority = WholeNumber(PRIORITIES, allow_none=True)
    run_at = Instant(allow_none=True)
    expires_at = Instant(allow_none=True)
    timeout = WholeNumber(TIMEOUT_SECONDS, allow_none=True)
    retry = fields.Nested(RetryPatchBody, allow_none=True)
    labels = labels_field(patch=True)
    callback_url = WebUrl(allow_none=True)

    @post_load
    def to_patch(self, members: dict[str, Any], **_: Any) -> TaskPatch:
        return TaskPatch(members)


class BatchBody(StrictSchema):
    tasks = BoundedList(
        fields.Nested(TaskBody),
        range(1, MOST_IN_A_BATCH + 1),
        error=f"Must be 1 to {MOST_IN_A_BATCH} tasks.",
        required=True,
    )


class FilterMembers(StrictSchema):
    """What a filter in a body and one in a query have in common: all but how several states are written."""

    type = Text(TYPE_LENGTH)
    queue = QueueName()
    labels = labels_field(patch=False)
    submitted_after = Instant(metadata={"description": "Later than this."})
    submitted_before = Instant(metadata={"description": "Earlier than this."})
    task_name = Text(TASK_NAME_LENGTH, metadata={"description": "Exactly this."})
    q = Text(
        TASK_NAME_LENGTH, metadata={"description": "Contained in the name, payload, result or error, in any case."}
    )

    @post_load
    def to_filter(self, members: dict[str, Any], **_: Any) -> TaskFilter:
        return to_filter(members)


class FilterBody(FilterMembers):
    """All that is set must hold; an empty one matches every task."""

    status = BoundedList(OneOf(Status), range(1, len(Status) + 1), metadata={"description": "Any of these."})


class ActionBody(StrictSchema):
    """What to do, and to which tasks: either ids or a filter."""

    action = OneOf(Action, required=True)
    ids = BoundedList(
        fields.String(validate=not_blank, metadata={"pattern": r"^$|\S"}),
        range(1, MOST + 1),
        error=f"Must be 1 to {MOST} ids.",
    )
    filter = fields.Nested(FilterBody)
    dry_run = Flag(load_default=False, metadata={"description": "Change nothing, only count: see would_be_done."})

    @validates_schema
    def names_tasks_one_way(self, members: dict[str, Any], **_: Any) -> None:
        if ("ids" in members) == ("filter" in members):
            raise ValidationError("Exactly one of ids and filter must be given.")


def to_filter(members: dict[str, Any]) -> TaskFilter:
    names = {"status": "statuses", "q": "text"}
    renamed = {names.get(name, name): value for name, value in members.items()}
    if "statuses" in renamed:
        renamed["statuses"] = frozenset(map(Status, renamed["statuses"]))
    return TaskFilter(**renamed)
