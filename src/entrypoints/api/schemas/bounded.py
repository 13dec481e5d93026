"""Lists and maps of a limited size."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from marshmallow import ValidationError, fields, validate

from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.problems.violations import MAX_ERRORS, Omitted


class BoundedList(fields.List[Any]):
    """A list. Its length is checked before its elements, so a long list costs little."""

    def __init__(
        self, inner: fields.Field[Any], lengths: range, *, error: str | None = None, **options: Any
    ) -> None:
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
            errors: Any = error.messages
            valid = (place for place in range(len(value)) if place not in errors)
            rest = zip(valid, error.valid_data or (), strict=True)
            every_error = {**errors, **self.violations(rest)}
            raise ValidationError(_first_errors(dict(sorted(every_error.items())))) from None
        return elements

    def violations(self, valid: Iterable[tuple[int, Any]]) -> dict[int, Any]:
        """Return the errors of elements that are valid by themselves, by place.

        It is called when other elements are wrong. Subclasses have more rules.
        """
        return {}


def _first_errors(by_element: Any) -> dict[Any, Any]:
    """Return the errors of the first elements, and the number of errors of the others."""
    elements = iter(by_element.items())
    first = dict(islice(elements, MAX_ERRORS))
    omitted = sum(_number_of_errors(errors) for _, errors in paced(elements))
    return {**first, "_schema": [Omitted(omitted)]} if omitted else first


def _number_of_errors(errors: Any) -> int:
    if isinstance(errors, dict):
        return sum(map(_number_of_errors, errors.values()))
    return sum(each if isinstance(each, Omitted) else 1 for each in errors)


class BoundedDict(fields.Dict):
    """A map. Its size is checked before its members, so a large map costs little."""

    def __init__(self, max_size: int, *, error: str, **options: Any) -> None:
        self._length = validate.Length(max=max_size, error=error)
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> dict[Any, Any]:
        if isinstance(value, dict):
            self._length(value)
        members: dict[Any, Any] = super()._deserialize(value, attr, data, **options)  # type: ignore[no-untyped-call]
        return members
