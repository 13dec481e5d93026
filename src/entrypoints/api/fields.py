"""The kinds of members and parameters, as they are on the wire."""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from marshmallow import ValidationError, fields, validate

from application.json_values import encode_json
from application.ports.task_repository import Cursor
from domain.task_spec import LABEL_KEY, LABEL_VALUE_LENGTH, MAX_LABELS, QUEUE, is_blank, is_printable
from domain.web_url import LENGTH as URL_LENGTH
from domain.web_url import require_web_url
from entrypoints.api.cooperation import paced
from entrypoints.api.problems import MAX_ERRORS, Omitted
from entrypoints.api.strict_json import MAX_PAYLOAD_VALUES, has_more_values

PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
NOT_BLANK = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
NOT_BLANK_OR_EMPTY = rf"^$|{NOT_BLANK}"
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

DIGITS_OF_A_TIME = re.compile("[0-9]{1,15}")


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


class BoundedList(fields.List[Any]):
    """A list whose length is checked before its elements."""

    def __init__(self, inner: fields.Field[Any], lengths: range, *, error: str | None = None, **options: Any) -> None:
        self._length = validate.Length(lengths[0], lengths[-1], error=error)
        super().__init__(inner, validate=self._length, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self._length(value)
        paced_elements: Any = paced(value)
        try:
            elements: list[Any] = super()._deserialize(paced_elements, attr, data, **options)
        except ValidationError as error:
            raise ValidationError(_first_errors(self._every_error(value, error.messages))) from None
        return elements

    def _every_error(self, elements: list[Any], by_element: Any) -> Any:
        """Return the errors of all elements, of which there are some. Subclasses look closer."""
        return by_element


def _first_errors(by_element: Any) -> dict[Any, Any]:
    """Return the errors of the first elements, and how many errors the others have."""
    elements = iter(by_element.items())
    first = dict(islice(elements, MAX_ERRORS))
    omitted = sum(_number_of_errors(errors) for _, errors in paced(elements))
    return {**first, "_schema": [Omitted(omitted)]} if omitted else first


def _number_of_errors(errors: Any) -> int:
    if isinstance(errors, dict):
        return sum(map(_number_of_errors, errors.values()))
    return sum(each if isinstance(each, Omitted) else 1 for each in errors)


class BoundedDict(fields.Dict):
    """A map whose size is checked before its members."""

    def __init__(self, most: int, *, error: str, **options: Any) -> None:
        self._length = validate.Length(max=most, error=error)
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> dict[Any, Any]:
        if isinstance(value, dict):
            self._length(value)
        members: dict[Any, Any] = super()._deserialize(value, attr, data, **options)  # type: ignore[no-untyped-call]
        return members


class Text(fields.String):
    """A string without control characters and lone surrogates, so that it can be shown and stored anywhere."""

    def __init__(self, lengths: range, **options: Any) -> None:
        message = f"Must have {lengths[0]} to {lengths[-1]} characters."
        _describe(options, pattern=PRINTABLE)
        super().__init__(validate=[validate.Length(lengths[0], lengths[-1], error=message), printable], **options)


class Name(Text):
    """A Text with a character that is not blank. Where its length may be 0, it may be empty."""

    def __init__(self, lengths: range, **options: Any) -> None:
        _describe(options, pattern=NOT_BLANK_OR_EMPTY if 0 in lengths else NOT_BLANK)
        super().__init__(lengths, **options)
        self.validators.insert(0, not_blank)


class Instant(fields.Field[datetime]):
    """RFC 3339, to the millisecond; answers.py writes them."""

    def __init__(self, **options: Any) -> None:
        message = "Must be an RFC 3339 time with its offset, such as 2025-01-13T06:53:09Z."
        _describe(options, type="string", format="date-time")
        super().__init__(error_messages={"invalid": message}, **options)

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
        _describe(options, pattern=f"^{QUEUE}$")
        super().__init__(validate=validate.Regexp(rf"{QUEUE}\Z", error=message), **options)


class WebUrl(fields.String):
    def __init__(self, **options: Any) -> None:
        _describe(options, format="uri", maxLength=URL_LENGTH, pattern="^https?://")
        super().__init__(validate=web_url, **options)


def web_url(url: str) -> None:
    try:
        require_web_url(url)
    except ValueError as error:
        raise ValidationError(f"{error}.") from None


def printable(text: str) -> None:
    if not is_printable(text):
        raise ValidationError("Must not contain control characters or lone surrogates.")


def not_blank(text: str) -> None:
    if text and is_blank(text):
        raise ValidationError("Must not be blank.")


def storable(value: Any) -> None:
    too_many = f"Must have at most {MAX_PAYLOAD_VALUES:,} list elements and object members in all."
    if isinstance(value, dict | list) and len(value) > MAX_PAYLOAD_VALUES:
        raise ValidationError(too_many)  # before time goes into its text
    try:
        text = encode_json(value)
    except ValueError:
        raise ValidationError("Must not contain lone surrogates or numbers that no double can hold.") from None
    if has_more_values(text, MAX_PAYLOAD_VALUES):
        raise ValidationError(too_many)


def labels(*, patch: bool) -> fields.Dict:
    """In a patch, a null removes a label."""
    key_message = "Must be 1 to 63 of a-z, 0-9, dot, underscore and hyphen."
    return BoundedDict(
        MAX_LABELS,
        error=f"At most {MAX_LABELS} labels are allowed.",
        keys=fields.String(validate=validate.Regexp(rf"{LABEL_KEY}\Z", error=key_message)),
        values=Name(LABEL_VALUE_LENGTH, allow_none=patch),
        allow_none=patch,
        metadata={
            "description": "For filtering.",
            "maxProperties": MAX_LABELS,
        },
    )


def payload(**options: Any) -> fields.Dict:
    return fields.Dict(
        validate=storable,
        metadata={"description": "The arguments of the work; GET /types has the schema of each type's."},
        **options,
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


class Flag(fields.Boolean):
    """true or false, in JSON and in a query string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(truthy={True, "true"}, falsy={False, "false"}, **options)
        self.error_messages["invalid"] = "Must be true or false."

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if isinstance(value, bool | str):
            return super()._deserialize(value, attr, data, **options)
        raise self.make_error("invalid")


class OneOf(fields.String):
    """One of a few words."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        allowed = list(words)
        message = f"Must be one of {', '.join(allowed)}."
        super().__init__(validate=validate.OneOf(allowed, error=message), **options)


class Words(fields.Field[frozenset[str]]):
    """Some of a few words: a parameter that is repeated, or words separated by commas."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        self.words = list(words)
        _describe(options, type="array", items={"type": "string", "enum": self.words}, minItems=1)
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> frozenset[str]:
        given = str(value).split(",")
        if unknown := [word for word in given if word not in self.words]:
            raise ValidationError(
                f"{unknown[0]!r} is none of {', '.join(self.words)}; several are separated by commas."
            )
        return frozenset(given)


class CursorField(fields.Field[tuple[Cursor, bool]]):
    """Where a page ended, and whether the newest came first."""

    def __init__(self, **options: Any) -> None:
        _describe(options, type="string")
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> tuple[Cursor, bool]:
        try:
            order, milliseconds, task_id = (
                base64.b64decode(str(value), altchars=b"-_", validate=True).decode().split(" ")
            )
            if not DIGITS_OF_A_TIME.fullmatch(milliseconds):
                raise ValueError(milliseconds)
            return Cursor(int(milliseconds), task_id), {"newest": True, "oldest": False}[order]
        except (binascii.Error, ValueError, KeyError):
            raise ValidationError("Must be a next_cursor of this service.") from None


def _describe(options: dict[str, Any], **facts: Any) -> None:
    """What the specification cannot see in the code of a field."""
    options["metadata"] = {**facts, **options.get("metadata", {})}


def encode_cursor(cursor: Cursor, *, newest_first: bool) -> str:
    """Return the text that CursorField reads."""
    text = f"{'newest' if newest_first else 'oldest'} {cursor.milliseconds} {cursor.task_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()
