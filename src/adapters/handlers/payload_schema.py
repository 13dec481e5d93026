"""What a payload must be, from type hints: checked strictly, every misfit named by its JSON pointer."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from domain.errors import InvalidPayload

VALUE_ERROR = "Value error, "
"""What pydantic puts before the message of a validator of ours."""


class PayloadSchema:
    def __init__(self, name: str, members: Mapping[str, Any], *, more: bool = False) -> None:
        """`members` are type hints in Required or NotRequired; `more` allows others besides.

        Raises pydantic's errors for hints that are no JSON.
        """
        made_at_run_time: Any = TypedDict
        payload = made_at_run_time(name, dict(members))
        payload.__pydantic_config__ = ConfigDict(extra="allow" if more else "forbid", strict=True)
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(payload)
        self.json_schema = {"properties": {}, **self._adapter.json_schema()}

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The payload with the types of the hints. Raises InvalidPayload."""
        try:
            return self._adapter.validate_json(json.dumps(dict(payload)))
        except ValidationError as error:
            raise InvalidPayload([_misfit(problem) for problem in error.errors(include_url=False)]) from None
        except Exception as error:  # of validators that are the handler's own
            raise InvalidPayload([("payload", f"Cannot be checked: {type(error).__name__}: {error}")]) from error


def _misfit(problem: Mapping[str, Any]) -> tuple[str, str]:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in problem["loc"])
    return f"payload{path}", f"{str(problem['msg']).removeprefix(VALUE_ERROR)}."
