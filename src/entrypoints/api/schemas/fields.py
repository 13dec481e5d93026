"""Fields: the kinds of members and parameters, as they are on the wire."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from application.task_serializer import rfc3339
from domain.rate_limit import FORM as RATE_LIMIT
from domain.rate_limit import RULE as RATE_LIMIT_RULE
from domain.rate_limit import InvalidRateLimit, RateLimit
from domain.task_spec import (
    LABEL_KEY,
    LABEL_VALUE_LENGTH,
    MAX_LABELS,
    QUEUE,
    is_blank,
    is_printable,
)
from domain.web_url import LENGTH as URL_LENGTH
from domain.web_url import require_web_url
from entrypoints.api.schemas.bounded import BoundedDict

TYPE_LENGTH = range(1, 201)
PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
NOT_BLANK = (
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
)
NOT_BLANK_OR_EMPTY = rf"^$|{NOT_BLANK}"
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class WholeNumber(fields.Integer):
    """A JSON number without a fraction. Refuses 3.0, true and "3"."""

    def __init__(self, allowed: range, **options: Any) -> None:
        message = f"Must be a whole number from {allowed[0]} to {allowed[-1]}."
        limits = validate.Range(allowed[0], allowed[-1], error=message)
        super().__init__(
            strict=True, validate=limits, error_messages={"invalid": message}, **options
        )

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value


class QueryNumber(WholeNumber):
    """A whole number in a query string, written as ASCII digits."""

    def _validated(self, value: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
            raise self.make_error("invalid")
        return int(value)


class Text(fields.String):
    """A string that can be shown and stored anywhere: no control characters, no lone surrogates."""

    def __init__(self, lengths: range, **options: Any) -> None:
        message = f"Must have {lengths[0]} to {lengths[-1]} characters."
        describe(options, pattern=PRINTABLE)
        super().__init__(
            validate=[validate.Length(lengths[0], lengths[-1], error=message), _require_printable],
            **options,
        )


class Name(Text):
    """A Text that is not blank. It may be empty when its length may be 0."""

    def __init__(self, lengths: range, **options: Any) -> None:
        describe(options, pattern=NOT_BLANK_OR_EMPTY if 0 in lengths else NOT_BLANK)
        super().__init__(lengths, **options)
        self.validators.insert(0, require_not_blank)


class Instant(fields.Field[datetime]):
    """A time by RFC 3339. It is cut to milliseconds when read, and written in UTC."""

    def __init__(self, **options: Any) -> None:
        message = "Must be an RFC 3339 time with its offset, such as 2025-01-13T06:53:09Z."
        describe(options, type="string", format="date-time")
        super().__init__(error_messages={"invalid": message}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not RFC_3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **_: Any
    ) -> str | None:
        return rfc3339(value)


class RateLimitText(fields.Field[RateLimit]):
    """A number of requests in a span of time, such as 600/minute."""

    def __init__(self, **options: Any) -> None:
        describe(options, type="string", pattern=f"^{RATE_LIMIT}$", example="600/minute")
        super().__init__(error_messages={"invalid": RATE_LIMIT_RULE}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> RateLimit:
        try:
            return RateLimit.parse(value)
        except (InvalidRateLimit, TypeError):
            raise self.make_error("invalid") from None

    def _serialize(
        self, value: RateLimit | None, attr: str | None, obj: Any, **_: Any
    ) -> str | None:
        return str(value) if value else None


class QueueName(fields.String):
    """The name of a queue."""

    def __init__(self, **options: Any) -> None:
        message = "Must be 1 to 63 of a-z, 0-9, hyphen and underscore, the first a letter or digit."
        describe(options, pattern=f"^{QUEUE}$")
        super().__init__(validate=validate.Regexp(rf"{QUEUE}\Z", error=message), **options)


class WebUrl(fields.String):
    """An absolute URL of http or https."""

    def __init__(self, **options: Any) -> None:
        describe(options, format="uri", maxLength=URL_LENGTH, pattern="^https?://")
        super().__init__(validate=_require_web_url, **options)


def _require_web_url(url: str) -> None:
    try:
        require_web_url(url)
    except ValueError as error:
        raise ValidationError(f"{error}.") from None


def _require_printable(text: str) -> None:
    if not is_printable(text):
        raise ValidationError("Must not contain control characters or lone surrogates.")


def require_not_blank(text: str) -> None:
    if text and is_blank(text):
        raise ValidationError("Must not be blank.")


def labels_field(*, patch: bool) -> fields.Dict:
    """Return a field for labels. In a patch, null removes a label."""
    return BoundedDict(
        MAX_LABELS,
        error=f"At most {MAX_LABELS} labels are allowed.",
        keys=label_key(),
        values=Name(LABEL_VALUE_LENGTH, allow_none=patch),
        allow_none=patch,
        metadata={
            "description": "Labels of your choice, for filtering.",
            "maxProperties": MAX_LABELS,
        },
    )


def label_key() -> fields.String:
    """Return a field for the key of a label."""
    message = "Must be 1 to 63 of a-z, 0-9, dot, underscore and hyphen."
    return fields.String(validate=validate.Regexp(rf"{LABEL_KEY}\Z", error=message))


def payload_field(**options: Any) -> fields.Dict:
    """Return a field for the payload. Its size and the schema of the type are checked later."""
    return fields.Dict(
        metadata={
            "description": (
                "The arguments of the task. GET /types has the JSON Schema of each type's payload. "
                "As compact JSON, a payload may have as many bytes as the body of one task."
            )
        },
        **options,
    )


class Decimal(fields.Float):
    """A JSON number. Refuses true and "3"."""

    def __init__(self, low: float, high: float, **options: Any) -> None:
        message = f"Must be a number from {low} to {high}."
        limits = validate.Range(low, high, error=message)
        super().__init__(
            validate=limits, error_messages={"invalid": message, "too_large": message}, **options
        )

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid")
        return super()._validated(value)


class Seconds(fields.Float):
    """Seconds in a response, whole or not. They are written as they are."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value


class Flag(fields.Boolean):
    """A boolean: true or false, in JSON and in a query string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(truthy={True, "true"}, falsy={False, "false"}, **options)
        self.error_messages["invalid"] = "Must be true or false."

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if isinstance(value, bool | str):
            return super()._deserialize(value, attr, data, **options)
        raise self.make_error("invalid")


class OneOf(fields.String):
    """One of several allowed words."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        allowed = list(words)
        message = f"Must be one of {', '.join(allowed)}."
        super().__init__(validate=validate.OneOf(allowed, error=message), **options)


class Words(fields.Field[frozenset[str]]):
    """Several allowed words: in a repeated parameter, or separated by commas."""

    may_repeat = True

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        self.words = list(words)
        describe(options, type="array", items={"type": "string", "enum": self.words}, minItems=1)
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> frozenset[str]:
        given = str(value).split(",")
        if unknown := [word for word in given if word not in self.words]:
            raise ValidationError(
                f"{unknown[0]!r} is not one of {', '.join(self.words)}. Separate several by commas."
            )
        return frozenset(given)


def describe(options: dict[str, Any], **facts: Any) -> None:
    """Add facts to a field's options that the specification cannot derive from its code."""
    options["metadata"] = {**facts, **options.get("metadata", {})}
