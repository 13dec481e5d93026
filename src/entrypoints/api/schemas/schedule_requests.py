"""Schemas of bodies that carry a schedule. The rules for its members are the domain's."""

from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, post_load, validate

from domain.schedule_spec import (
    CATCH_UP,
    CRON_LENGTH,
    DEFAULT_TIMEZONE,
    EVERY_SECONDS,
    JITTER_SECONDS,
    SCHEDULE_NAME,
    InvalidSchedule,
    Overlap,
    SchedulePatch,
    ScheduleSpec,
)
from entrypoints.api.schemas.fields import (
    Flag,
    Instant,
    Name,
    OneOf,
    QueryNumber,
    WholeNumber,
)
from entrypoints.api.schemas.strict_schema import (
    StrictSchema,
    Variant,
    described,
    messages_by_member,
)
from entrypoints.api.schemas.task_requests import TaskBody, TaskPatchBody, by_member
from entrypoints.api.use_cases import use_cases

TIMEZONE_LENGTH = range(1, 65)
MAX_PAGE_SIZE = 100


class OverlapField(OneOf):
    def __init__(self, **options: Any) -> None:
        super().__init__(Overlap, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text: Any = super()._deserialize(value, attr, data, **options)
        return Overlap(text) if text in list(Overlap) else text


class TimesBody(StrictSchema):
    """The members on which the times of a schedule depend: either cron or every."""

    cron = Name(
        CRON_LENGTH,
        metadata={
            "description": "Minute, hour, day of month, month and day of week by the rules of "
            "Debian's cron, such as 30 2 * * 1-5, or @hourly, @daily, @weekly, @monthly or "
            "@yearly.",
        },
    )
    every = WholeNumber(
        EVERY_SECONDS,
        metadata={
            "description": "Seconds from one slot to the next, counted from starts_at, or from "
            "the creation of the schedule."
        },
    )
    timezone = Name(
        TIMEZONE_LENGTH,
        metadata={"description": "IANA name of the time zone of cron. The default is UTC."},
    )
    starts_at = Instant(metadata={"description": "No slot is earlier."})
    ends_at = Instant(metadata={"description": "No slot is later."})

    def load(self, data: Any, **options: Any) -> Any:
        """Return the members, or what `loaded` makes of them.

        Raises ValidationError with everything that is wrong.
        """
        try:
            members = super().load(data, **options)
        except ValidationError as error:
            messages = messages_by_member(error)
            if "_schema" not in messages:
                valid: Any = error.valid_data or {}
                right = {name: value for name, value in valid.items() if name not in messages}
                messages |= by_member(use_cases().schedule_rules().violations(right, messages))
            raise ValidationError(messages) from None
        try:
            return self.loaded(members)
        except InvalidSchedule:
            violations = use_cases().schedule_rules().violations(members, ())
            raise ValidationError(by_member(violations)) from None

    def loaded(self, members: dict[str, Any]) -> Any:
        """Return the valid members in the form that the view takes. Raises InvalidSchedule."""
        return members


class PreviewBody(TimesBody):
    """The times of a schedule that need not exist."""

    VARIANTS: ClassVar = (
        Variant(
            name="CronPreviewBody",
            description="A preview of the times of a cron expression.",
            required=("cron",),
            without=("every",),
        ),
        Variant(
            name="EveryPreviewBody",
            description="A preview of times at a fixed distance.",
            required=("every",),
            without=("cron",),
            narrower={"timezone": {"const": DEFAULT_TIMEZONE}},
        ),
    )


class ScheduleBody(TimesBody):
    """A schedule. Members that are left out have their defaults."""

    VARIANTS: ClassVar = (
        Variant(
            name="CronScheduleBody",
            description="A schedule whose slots are the times of a cron expression.",
            required=("cron",),
            without=("every",),
        ),
        Variant(
            name="EveryScheduleBody",
            description="A schedule whose slots have a fixed distance.",
            required=("every",),
            without=("cron",),
            narrower={"timezone": {"const": DEFAULT_TIMEZONE}},
        ),
    )

    task = fields.Nested(
        TaskBody,
        required=True,
        metadata={
            "description": "The task of each slot: the body of a submit without run_at and "
            "expires_at, and without the label schedule, which the service sets."
        },
    )
    overlap = OverlapField(
        metadata={
            "description": "What happens at a slot while the last task waits or runs: the slot is "
            "skipped (skip, the default), it makes its task all the same (queue), or the last "
            "task is cancelled first (cancel)."
        }
    )
    catch_up = WholeNumber(
        CATCH_UP,
        metadata={
            "description": "How many of the latest slots are made up that were missed by more "
            "than a minute, because nothing served. The default is 1."
        },
    )
    jitter = WholeNumber(
        JITTER_SECONDS,
        metadata={
            "description": "A task is made up to this many seconds after its slot; how many "
            "follows from the name and the slot. The default is 0."
        },
    )
    paused = Flag(metadata={"description": "A paused schedule has no slots. Default: false."})

    def loaded(self, members: dict[str, Any]) -> ScheduleSpec:
        return ScheduleSpec(**members)


class SchedulePatchBody(StrictSchema):
    """A JSON merge patch (RFC 7396) of a schedule. null gives a member its default again."""

    cron = Name(CRON_LENGTH, allow_none=True, metadata=described(ScheduleBody, "cron"))
    every = WholeNumber(EVERY_SECONDS, allow_none=True, metadata=described(ScheduleBody, "every"))
    timezone = Name(TIMEZONE_LENGTH, allow_none=True, metadata=described(ScheduleBody, "timezone"))
    task = fields.Nested(TaskPatchBody, metadata={"description": "Changes of the task."})
    overlap = OverlapField(allow_none=True, metadata=described(ScheduleBody, "overlap"))
    catch_up = WholeNumber(CATCH_UP, allow_none=True, metadata=described(ScheduleBody, "catch_up"))
    jitter = WholeNumber(
        JITTER_SECONDS, allow_none=True, metadata=described(ScheduleBody, "jitter")
    )
    starts_at = Instant(allow_none=True, metadata=described(ScheduleBody, "starts_at"))
    ends_at = Instant(allow_none=True, metadata=described(ScheduleBody, "ends_at"))
    paused = Flag(allow_none=True, metadata=described(ScheduleBody, "paused"))

    @post_load
    def to_patch(self, members: dict[str, Any], **_: Any) -> SchedulePatch:
        return SchedulePatch(members)


class ScheduleQuery(Schema):
    page_size = QueryNumber(
        range(1, MAX_PAGE_SIZE + 1),
        load_default=10,
        metadata={"description": "Limit on the schedules of a page."},
    )
    cursor = fields.String(
        validate=validate.Regexp(
            rf"{SCHEDULE_NAME}\Z", error="Must be a next_cursor of this service."
        ),
        metadata={
            "description": "A next_cursor; asks for the page after it.",
            "pattern": f"^{SCHEDULE_NAME}$",
        },
    )
