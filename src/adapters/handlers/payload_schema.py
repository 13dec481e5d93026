"""What a payload must be, from type hints: checked strictly, every misfit named by its JSON pointer."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from domain.errors import InvalidPayload

KEY = "[key]"
"""Where pydantic means the name of a member and not its value."""
VALUE_ERROR = "Value error, "
"""What pydantic puts before the message of a validator of ours."""


class PayloadSchema:
    def __init__(self, name: str, members: Mapping[str, Any], *, more: Any = None) -> None:
        """`members` are type hints in Required or NotRequired; `more` is the hint of all others, if there may be any.

        Raises pydantic's errors for hints that are no JSON.
        """
        made_at_run_time: Any = TypedDict
        mapping: Any = dict
        payload = made_at_run_time(name, dict(members))
        payload.__pydantic_config__ = ConfigDict(extra="forbid" if more is None else "allow")
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(payload)
        self._names = set(members)
        self._more: TypeAdapter[dict[str, Any]] | None = None if more is None else TypeAdapter(mapping[str, more])
        self.json_schema = {"properties": {}, **self._adapter.json_schema()}
        if self._more:
            self.json_schema["additionalProperties"] = self._more.json_schema()["additionalProperties"]

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The payload with the types of the hints. Raises InvalidPayload."""
        try:
            read = self._adapter.validate_json(json.dumps(dict(payload)), strict=True)
            if self._more:
                others = {name: value for name, value in payload.items() if name not in self._names}
                read |= self._more.validate_json(json.dumps(others), strict=True)
            return read
        except ValidationError as error:
            raise InvalidPayload([_misfit(problem) for problem in error.errors(include_url=False)]) from None
        except Exception as error:  # of validators that are the handler's own
            raise InvalidPayload([("payload", f"Cannot be checked: {type(error).__name__}: {error}")]) from error


def _misfit(problem: Mapping[str, Any]) -> tuple[str, str]:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in problem["loc"] if part != KEY)
    return f"payload{path}", f"{str(problem['msg']).removeprefix(VALUE_ERROR)}."
