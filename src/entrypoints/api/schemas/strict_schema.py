"""The base of all schemas of bodies."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, pre_load

from entrypoints.api.problems.violations import MAX_ERRORS, Omitted


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One form of a body that has several. The specification describes each form on its own."""

    name: str
    description: str
    required: Sequence[str]
    """Members that this form requires besides those that every form requires."""
    without: Collection[str] = ()
    """Members that this form does not have."""
    narrower: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of members that are narrower than in the other forms."""


class StrictSchema(Schema):
    """A schema that refuses unknown members."""

    class Meta:
        unknown = RAISE

    @pre_load
    def limit_unknown_members(self, data: Any, **_: Any) -> Any:
        """Name the first MAX_ERRORS unknown members and count the others.

        Each error costs microseconds, and a body may have 60,000 unknown members.
        """
        unknown = data.keys() - self.load_fields.keys() if isinstance(data, dict) else ()
        if len(unknown) > MAX_ERRORS:
            first = islice(unknown, MAX_ERRORS)
            errors: dict[str, list[Any]] = {name: ["Unknown field."] for name in first}
            raise ValidationError({**errors, "_schema": [Omitted(len(unknown) - MAX_ERRORS)]})
        return data

    def every_error(self, data: Any) -> dict[Any, Any]:
        """Return all messages by member; an empty map when the data is valid."""
        try:
            loaded = self.load(data)
        except ValidationError as error:
            return messages_by_member(error)
        return self.violations(loaded)

    def violations(self, loaded: Any) -> dict[Any, Any]:
        """Return the messages of rules that only this installation knows. Subclasses have some."""
        return {}


def messages_by_member(error: ValidationError) -> dict[Any, Any]:
    untyped: Any = error
    messages: dict[Any, Any] = untyped.normalized_messages()
    return messages


def described(schema: type[Schema], name: str) -> dict[str, Any]:
    """Return the description of another schema's member."""
    return {"description": schema().fields[name].metadata["description"]}
