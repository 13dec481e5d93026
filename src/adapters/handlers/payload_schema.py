"""What a payload must be, from type hints: checked strictly, every misfit named by its JSON pointer."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator
from typing_extensions import TypedDict

from domain.errors import InvalidPayload

KEY = "[key]"
"""Where pydantic means the name of a member and not its value."""
VALUE_ERROR = "Value error, "
"""What pydantic puts before the message of a validator of ours."""
LONGEST_FULLY_CHECKED = 8_192
"""Limit on the characters of JSON in which every error is listed. Pydantic collects up to one error an element and
branch of a union without end: 1.5 s and 500 MB for 200,000 elements."""
MAX_ERRORS = 1_000
"""Limit on the errors that are turned into messages; pydantic takes 2 microseconds for each."""
COLLECTIONS = {"list", "set", "frozenset", "tuple", "dict"}
OPAQUE = {"default", "expected", "metadata", "serialization"}
"""Parts of a core schema that hold values and no schemas."""


class PayloadSchema:
    def __init__(self, name: str, members: Mapping[str, Any], *, more: Any = None) -> None:
        """`members` are type hints in Required or NotRequired; `more` is the hint of all others, if there may be any.

        Raises pydantic's errors for hints that are no JSON.
        """
        made_at_run_time: Any = TypedDict
        mapping: Any = dict
        payload = made_at_run_time(name, dict(members))
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
        """The payload with the types of the hints. Raises InvalidPayload."""
        try:
            if self._more is None:
                return self._members.read(payload)
            named = {name: value for name, value in payload.items() if name in self._names}
            others = {name: value for name, value in payload.items() if name not in self._names}
            return self._members.read(named) | self._more.read(others)
        except ValidationError as error:
            raise InvalidPayload(_violations(error)) from None
        except Exception as error:  # of validators that are the handler's own
            raise InvalidPayload([("payload", f"Cannot be checked: {type(error).__name__}: {error}")]) from error


class _Validator:
    """A type's checks, which stop at the first error of each collection where listing all would take long."""

    def __init__(self, adapter: TypeAdapter[dict[str, Any]]) -> None:
        self._every_error = adapter
        self._first_errors = SchemaValidator(_fail_fast(adapter.core_schema))

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The payload with the types of the hints. Raises ValidationError."""
        text = json.dumps(dict(payload))
        if len(text) <= LONGEST_FULLY_CHECKED:
            return self._every_error.validate_json(text, strict=True)
        read: dict[str, Any] = self._first_errors.validate_json(text, strict=True)
        return read


def _fail_fast(schema: Any) -> Any:
    """Return a copy of pydantic's core schema in which every collection stops at its first error."""
    kind = type(schema)
    if kind in (list, tuple):
        return kind(map(_fail_fast, schema))
    if kind is not dict:
        return schema
    copy = {key: part if key in OPAQUE else _fail_fast(part) for key, part in schema.items()}
    name = schema.get("type")
    return {**copy, "fail_fast": True} if isinstance(name, str) and name in COLLECTIONS else copy


def _violations(error: ValidationError) -> list[tuple[str, str]]:
    if error.error_count() > MAX_ERRORS:
        message = f"{error.error_count():,} members or elements are wrong. GET /types has the schema of each type."
        return [("payload", message)]
    return [_misfit(problem) for problem in error.errors(include_url=False)]


def _misfit(problem: Mapping[str, Any]) -> tuple[str, str]:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in problem["loc"] if part != KEY)
    return f"payload{path}", f"{str(problem['msg']).removeprefix(VALUE_ERROR)}."
