"""What requests carry in their bodies. The rules themselves are the domain's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validates_schema

from application.task_filter import TaskFilter
from application.use_cases.tasks.bulk_action import MAX_TASKS, Action
from domain.errors import InvalidTaskSpec
from domain.retry_policy import ATTEMPTS, DELAY_SECONDS, FACTOR, JITTER
from domain.status import Status
from domain.task_spec import (
    DEFAULT_TYPE,
    DURATION_SECONDS,
    PRIORITIES,
    TASK_NAME_LENGTH,
    TIMEOUT_SECONDS,
    TaskPatch,
    TaskSpec,
)
from entrypoints.api.blueprints import use_cases
from entrypoints.api.cooperation import let_others_run, paced
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
from entrypoints.api.problems import MAX_ERRORS, Omitted, Violation

TYPE_LENGTH = range(1, 201)
MOST_IN_A_BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One form of a body that has several: the specification describes each on its own."""

    name: str
    description: str
    required: Sequence[str]
    """Members that it needs besides those that every form needs."""
    without: Collection[str] = ()
    """Members that it does not have."""
    narrower: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of members that are narrower than in general."""


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

    def every_error(self, data: Any) -> dict[Any, Any]:
        """Return what is wrong by member: nothing when all is right."""
        try:
            self.load(data)
        except ValidationError as error:
            return _by_member(error)
        return {}


def described(schema: type[Schema], name: str) -> dict[str, Any]:
    """Return the description of another schema's member."""
    return {"description": schema().fields[name].metadata["description"]}


class RetryBody(StrictSchema):
    """When a failed run is tried again. Members that are left out have their defaults."""

    max_attempts = WholeNumber(ATTEMPTS, metadata={"description": "How many runs may fail before the task does."})
    initial_delay = Decimal(*DELAY_SECONDS, metadata={"description": "Seconds after the first failure."})
    factor = Decimal(*FACTOR, metadata={"description": "Each further delay is this many times the one before."})
    max_delay = Decimal(*DELAY_SECONDS, metadata={"description": "Seconds, before jitter."})
    jitter = Decimal(*JITTER, metadata={"description": "The share by which a delay is longer or shorter at most."})


class TaskBody(StrictSchema):
    """A task as it is submitted, or replaced: one that sleeps, or one of another type."""

    VARIANTS: ClassVar = (
        Variant(
            name="SleepTaskBody",
            description="A task of the type sleep, which needs a duration and takes no payload.",
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

    task_name = Name(TASK_NAME_LENGTH, required=True, metadata={"description": "A label of your choice."})
    type = Name(
        TYPE_LENGTH,
        metadata={"description": "What kind of work; GET /types lists them. Without it, sleep."},
    )
    duration = WholeNumber(
        DURATION_SECONDS, metadata={"description": "Seconds of simulated work; for the type sleep, which needs it."}
    )
    payload = payload_field()
    queue = QueueName(metadata={"description": "The queue that it waits in. Without it, default."})
    priority = WholeNumber(PRIORITIES, metadata={"description": "9 goes first. Without it, 5."})
    run_at = Instant(metadata={"description": "Not before this time."})
    expires_at = Instant(metadata={"description": "Expires if it has not started by this time."})
    timeout = WholeNumber(TIMEOUT_SECONDS, metadata={"description": "Seconds that one run may take."})
    retry = fields.Nested(RetryBody, metadata={"description": "When a failed run is tried again."})
    labels = labels_field(patch=False)
    callback_url = WebUrl(metadata={"description": "https: URL that is told when the task is final."})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def duration_is_for_sleep(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        """Report a missing duration beside all other problems; the rule is that of the type's handler."""
        if isinstance(given, dict) and given.get("type", DEFAULT_TYPE) == DEFAULT_TYPE and "duration" not in given:
            meant = "the type sleep needs it" if "type" in given else "without a type it is sleep, which needs it"
            raise ValidationError(f"Missing data for required field: {meant}.", "duration")

    @post_load
    def to_spec(self, members: dict[str, Any], **_: Any) -> TaskSpec:
        """Raises InvalidTaskSpec, which `load` catches."""
        return TaskSpec(**_with_retry(members))

    def load(self, data: Any, **options: Any) -> Any:
        """Return a TaskSpec. Raises ValidationError with everything that is wrong."""
        try:
            return super().load(data, **options)
        except ValidationError as error:
            messages = _by_member(error)
        except InvalidTaskSpec:
            messages = {}
        raise ValidationError(self._with_misfits(data, messages))

    def every_error(self, data: Any) -> dict[Any, Any]:
        return super().every_error(data) or self._with_misfits(data, {})

    def _with_misfits(self, data: Any, messages: dict[Any, Any]) -> dict[Any, Any]:
        """Return the messages of members together with what rules of the domain and the type of task say."""
        if not isinstance(data, dict) or "_schema" in messages:
            return messages
        members = {
            name: field.deserialize(data[name])
            for name, field in paced(self.load_fields.items())
            if name in data and name not in messages
        }
        let_others_run()
        found: dict[Any, list[str]] = {}
        for pointer, message in use_cases().find_violations().execute(_with_retry(members), messages):
            member, _, inner = pointer.partition("/")
            found.setdefault(member, []).append(Violation(message, f"/{inner}" if inner else ""))
        return {**messages, **found}


def _by_member(error: ValidationError) -> dict[Any, Any]:
    untyped: Any = error
    messages: dict[Any, Any] = untyped.normalized_messages()
    return messages


def _with_retry(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a TaskSpec: what the retry policy leaves out has the default of the type."""
    default = use_cases().admission().default_retry(members.get("type", DEFAULT_TYPE))
    return {**members, "retry": replace(default, **members.get("retry", {}))}


class TaskList(BoundedList):
    """The tasks of a batch: when one is wrong, every other is looked at as closely as a task alone."""

    def _every_error(self, elements: list[Any], by_element: Any) -> dict[int, Any]:
        body = TaskBody()
        errors = {
            place: by_element[place] if place in by_element else body.every_error(element)
            for place, element in enumerate(paced(elements))
        }
        return {place: messages for place, messages in errors.items() if messages}


class RetryPatchBody(RetryBody):
    """Changes of when a failed run is tried again: null gives a member its default."""

    max_attempts = WholeNumber(ATTEMPTS, allow_none=True, metadata=described(RetryBody, "max_attempts"))
    initial_delay = Decimal(*DELAY_SECONDS, allow_none=True, metadata=described(RetryBody, "initial_delay"))
    factor = Decimal(*FACTOR, allow_none=True, metadata=described(RetryBody, "factor"))
    max_delay = Decimal(*DELAY_SECONDS, allow_none=True, metadata=described(RetryBody, "max_delay"))
    jitter = Decimal(*JITTER, allow_none=True, metadata=described(RetryBody, "jitter"))


class TaskPatchBody(StrictSchema):
    """A JSON merge patch (RFC 7396): null gives a member its default again."""

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


class BatchBody(StrictSchema):
    """Many tasks, which are accepted all or none."""

    tasks = TaskList(
        fields.Nested(TaskBody),
        range(1, MOST_IN_A_BATCH + 1),
        error=f"Must be 1 to {MOST_IN_A_BATCH} tasks.",
        required=True,
        metadata={"description": "1 to 1,000 tasks."},
    )

    def every_error(self, data: Any) -> dict[Any, Any]:
        errors = super().every_error(data)
        if errors:
            return errors
        tasks = {place: TaskBody().every_error(task) for place, task in enumerate(paced(data["tasks"]))}
        return {"tasks": {place: messages for place, messages in tasks.items() if messages}}


class FilterMembers(StrictSchema):
    """What a filter in a body and one in a query have in common: all but how several states are written."""

    type = Text(TYPE_LENGTH, metadata={"description": "The kind of work."})
    queue = QueueName(metadata={"description": "The queue that it is in."})
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
    """What to do, and to which tasks: exactly one of ids and filter must be given."""

    VARIANTS: ClassVar = (
        Variant(
            name="ActionOnIdsBody",
            description="An action on tasks that are named by their ids.",
            required=("ids",),
            without=("filter",),
        ),
        Variant(
            name="ActionOnFilterBody",
            description="An action on all tasks that match a filter.",
            required=("filter",),
            without=("ids",),
        ),
    )

    action = OneOf(Action, required=True, metadata={"description": "What to do."})
    ids = BoundedList(
        fields.String(validate=not_blank, metadata={"pattern": r"^$|\S"}),
        range(1, MAX_TASKS + 1),
        error=f"Must be 1 to {MAX_TASKS} ids.",
        metadata={"description": "The ids of the tasks; those that are no task's are passed over."},
    )
    filter = fields.Nested(
        FilterBody,
        metadata={"description": "All members must hold; an empty filter matches every task."},
    )
    dry_run = Flag(metadata={"description": "Change nothing, only count: see would_be_done. Without it, false."})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def names_tasks_one_way(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        if isinstance(given, dict) and ("ids" in given) == ("filter" in given):
            raise ValidationError("Exactly one of ids and filter must be given.")


def to_filter(members: dict[str, Any]) -> TaskFilter:
    names = {"status": "statuses", "q": "text"}
    renamed = {names.get(name, name): value for name, value in members.items()}
    if "statuses" in renamed:
        renamed["statuses"] = frozenset(map(Status, renamed["statuses"]))
    return TaskFilter(**renamed)
