"""Check payloads strictly against type hints, and name each violation by its JSON pointer."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator
from typing_extensions import TypedDict

from domain.errors import InvalidPayload, Violation

KEY = "[key]"
"""Pydantic's mark for an error in the name of a member, not in its value."""
VALUE_ERROR = "Value error, "
"""Pydantic's prefix of the message of a custom validator."""
MAX_FULLY_CHECKED = 8_192
"""Limit on the characters of JSON in which every error is listed.

Pydantic collects one error for each element and branch of a union, without a limit: 1.5 s and
500 MB for 200,000 elements.
"""
MAX_ERRORS = 1_000
"""Limit on the errors that become messages. Pydantic takes 2 microseconds for each."""
COLLECTIONS = {"list", "set", "frozenset", "tuple", "dict"}
OPAQUE = {"default", "expected", "metadata", "serialization"}
"""Keys of a core schema whose values contain no further schemas."""


class PayloadSchema:
    """Reads payloads by the type hints of their members."""

    def __init__(self, name: str, members: Mapping[str, Any], *, more: Any = None) -> None:
        """`members` are type hints in Required or NotRequired; `more` is the hint of all others.

        Without `more`, other members are refused. Raises pydantic's errors for hints of values that
        are not JSON.
        """
        typed_dict: Any = TypedDict  # the type checker knows literal definitions alone
        mapping: Any = dict
        payload = typed_dict(name, dict(members))
        payload.__pydantic_config__ = ConfigDict(extra="forbid" if more is None else "allow")
        adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(payload)
        self._members = _Validator(adapter)
        self._names = set(members)
        self._more: _Validator | None = None
        self.json_schema = {"properties": {}, **adapter.json_schema()}
        if more is not None:
            others: TypeAdapter[dict[str, Any]] = TypeAdapter(mapping[str, more])
            self._more = _Validator(others)
            self.json_schema["additionalProperties"] = others.json_schema()["additionalProperties"]

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload converted to the types of the hints. Raises InvalidPayload."""
        try:
            if self._more is None:
                return self._members.read(payload)
            named = {name: value for name, value in payload.items() if name in self._names}
            others = {name: value for name, value in payload.items() if name not in self._names}
            return self._members.read(named) | self._more.read(others)
        except ValidationError as error:
            raise InvalidPayload(_violations(error)) from None
        except Exception as error:  # raised by a validator of the handler's author
            raise InvalidPayload(
                [("payload", f"Cannot be checked: {type(error).__name__}: {error}")]
            ) from error


class _Validator:
    """Validates JSON. In a long one, it stops at the first error of each collection."""

    def __init__(self, adapter: TypeAdapter[dict[str, Any]]) -> None:
        self._every_error = adapter
        self._first_errors = SchemaValidator(_fail_fast(adapter.core_schema))

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload converted to the types of the hints. Raises ValidationError."""
        text = json.dumps(dict(payload))
        if len(text) <= MAX_FULLY_CHECKED:
            return self._every_error.validate_json(text, strict=True)
        read: dict[str, Any] = self._first_errors.validate_json(text, strict=True)
        return read


def _fail_fast(schema: Any) -> Any:
    """Return a copy of a core schema in which every collection stops at its first error."""
    kind = type(schema)
    if kind in (list, tuple):
        return kind(map(_fail_fast, schema))
    if kind is not dict:
        return schema
    copy = {key: part if key in OPAQUE else _fail_fast(part) for key, part in schema.items()}
    name = schema.get("type")
    return {**copy, "fail_fast": True} if isinstance(name, str) and name in COLLECTIONS else copy


def _violations(error: ValidationError) -> list[Violation]:
    if error.error_count() > MAX_ERRORS:
        wrong = f"{error.error_count():,} members or elements are wrong."
        return [("payload", f"{wrong} GET /types has the schema of each type.")]
    return [_violation(problem) for problem in error.errors(include_url=False)]


def _violation(problem: Mapping[str, Any]) -> Violation:
    path = "".join(
        f"/{str(part).replace('~', '~0').replace('/', '~1')}"
        for part in problem["loc"]
        if part != KEY
    )
    return f"payload{path}", f"{str(problem['msg']).removeprefix(VALUE_ERROR)}."
